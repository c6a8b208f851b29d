#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks src/doc/faults.md against the tests: each row is named by a test, and no test names a row that is not there.

    check_contract.py ROOT     exit 1 and one line per breach
    check_contract.py          the checker's own test: it has to find the breaches planted in small trees

A row of the page is a line that begins with its number, in a table whose first column is "row".
A test names rows by its own name (fault_8_..., fault_12_13_..., fault_22_to_30_..., fault_45_to_48_50_...) or in a
comment (Row 8; Rows 40, 41; Rows 6, 7 and 9; Rows 22 to 30). In a name three digits are a status, as in
fault_62_404_...; a smaller number that is no row must not follow the rows directly.
"""

import pathlib
import re
import sys
import tempfile

PAGE = "src/doc/faults.md"
PROGRAMS = (".cpp", ".hpp", ".py")

# Rows that no test names yet. A row that is named must leave this list.
NOT_YET_NAMED = [
]

HEAD = re.compile(r"\|\s*row\s*\|")
ROW = re.compile(r"\|\s*(\d+)\s*\|")
NAME = re.compile(r"(?<![A-Za-z0-9])fault_(\d{1,2}(?:_(?:to_)?\d{1,2})*)(?![A-Za-z0-9])")
COMMENT = re.compile(r"\b[Rr]ows?\s+(\d+(?:(?:,|,? and| to)\s+\d+)*)(?![\d,.]*\d)")


def rows_of(page):
    """The numbers of a page's rows, in its order. Tables with another first column have none."""
    rows, counts = [], False
    for line in page.splitlines():
        counts = bool(HEAD.match(line)) or (counts and line.startswith("|"))
        match = ROW.match(line) if counts else None
        if match:
            rows.append(int(match.group(1)))
    return rows


def numbers_of(text):
    """The rows that "12_13", "22_to_30", "6, 7 and 9" or "6 to 8" name; None for a range that does not ascend."""
    named, last, in_range = [], 0, False
    for word in re.findall(r"\d+|to", text):
        if word == "to":
            in_range = True
            continue
        number = int(word)
        if in_range and number <= last:
            return None
        named += range(last + 1, number + 1) if in_range else [number]
        last, in_range = number, False
    return named


def mentions_of(text):
    """Yields (line number, the text that names rows, the rows)."""
    for number, line in enumerate(text.splitlines(), 1):
        for pattern in (NAME, COMMENT):
            for match in pattern.finditer(line):
                yield number, match.group(0), numbers_of(match.group(1))


def check(root, not_yet_named):
    """All breaches of a tree, as lines of text, the number of rows and the number of rows that are named."""
    rows = rows_of((root / PAGE).read_text(encoding="utf-8"))
    breaches = [f"{PAGE}: row {row} is there twice" for row in sorted({r for r in rows if rows.count(r) > 1})]
    named = set()
    for file in sorted((root / "test").glob("**/*")):
        if file.suffix not in PROGRAMS or file.parent == root / "test/docs":
            continue
        for line, text, numbers in mentions_of(file.read_text(encoding="utf-8")):
            where = f"{file.relative_to(root).as_posix()}:{line}"
            if numbers is None:
                breaches.append(f"{where}: {text}: the range does not ascend")
                continue
            breaches += [f"{where}: {text}: {PAGE} has no row {n}" for n in numbers if n not in rows]
            named.update(numbers)
    for row in rows:
        if row not in named and row not in not_yet_named:
            breaches.append(f"{PAGE}: row {row} is named by no test")
    for row in not_yet_named:
        if row in named:
            breaches.append(f"row {row} is named by a test: take it off NOT_YET_NAMED")
        elif row not in rows:
            breaches.append(f"row {row} of NOT_YET_NAMED is not in {PAGE}")
    return breaches, len(rows), len(named)


def self_test():
    """Plants each breach in a tree of its own; the page has the rows 1 to 4 and 12."""
    page = "| row | fault |\n|--:|---|\n" + "".join(f"| {n} | a fault |\n" for n in (1, 2, 3, 4, 12))
    all_named = "// Rows 1 to 4 and 12.\n"
    cases = [  # page, name of the test's file, its text, not yet named, a word of the expected breach or None
        (page, "a_test.cpp", all_named, [], None),
        (page, "a_test.cpp", 'TEST_CASE("fault_1_to_4_12 some_words")', [], None),
        (page, "a_test.cpp", 'TEST_CASE("fault_1_to_4_12_and_words")', [], None),
        (page, "a_test.py", "def test_fault_1_2_to_4_12_x():", [], None),
        (page, "a_test.py", '"""Rows 1, 2, 3, 4, and 12."""', [], None),
        (page, "a_test.py", "# row 1: x\n# Rows 2 and 3\n# Row 4's\n# Row 12.\n", [], None),
        (page, "a_test.cpp", "// Rows 1 to 4.\n", [12], None),
        (page, "a_test.cpp", "// Rows 1 to 4.\n", [], "row 12 is named by no test"),
        (page, "a_test.cpp", "// Rows 1, 2 and 4 and 12.\n", [], "row 3 is named by no test"),
        (page, "a_test.cpp", "// Rows 1 to 4; default_12 is none, nor are 12 rows, nor Row 12,000\n", [], "row 12 is"),
        (page, "a_test.cpp", all_named + "// Row 5.\n", [], "a_test.cpp:2: Row 5: src/doc/faults.md has no row 5"),
        (page, "a_test.cpp", all_named + "// Rows 3 to 5.\n", [], "no row 5"),
        (page, "a_test.cpp", all_named + 'TEST_CASE("fault_4_503_x")', [], None),
        (page, "a_test.cpp", all_named + 'TEST_CASE("fault_4_13_x")', [], "no row 13"),
        (page, "a_test.py", all_named + "def test_fault_13_x():", [], "no row 13"),
        (page, "a_test.cpp", all_named + "// Rows 4 to 2.\n", [], "does not ascend"),
        (page, "a_test.cpp", all_named, [12], "take it off"),
        (page, "a_test.cpp", all_named, [13], "row 13 of NOT_YET_NAMED is not in"),
        (page, "a_note.md", all_named, [], "row 1 is named by no test"),
        (page + "\n| status |\n| 408 |\n", "a_test.cpp", all_named, [], None),
        (page + "\n| status |\n| 408 |\n", "a_test.cpp", all_named + "// Row 408.\n", [], "no row 408"),
        (page + "| 2 | again |\n", "a_test.cpp", all_named, [], "row 2 is there twice"),
    ]
    failures = 0
    for page, name, text, not_yet_named, expected in cases:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, content in ((PAGE, page), ("test/unit/" + name, text), ("test/docs/x.py", "# Row 99\n")):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(content, encoding="utf-8")
            breaches, _, _ = check(root, not_yet_named)
        if not (not breaches if expected is None else any(expected in breach for breach in breaches)):
            failures += 1
            print(f"self-test: {text!r} without {not_yet_named}: expected {expected!r}, found {breaches}")
    print(f"{len(cases)} cases, {failures} failures")
    return failures


def main():
    if len(sys.argv) == 1:
        return 1 if self_test() else 0
    breaches, rows, named = check(pathlib.Path(sys.argv[1]), NOT_YET_NAMED)
    for breach in breaches:
        print(breach)
    print(f"{rows} rows, {named} named, {len(breaches)} breaches")
    return 1 if breaches or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
