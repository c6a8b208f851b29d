#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""check_readme.py ROOT: the README's examples are those that the tests compile and run, and the paths it names exist."""

import pathlib
import re
import sys


def marked(source, name):
    return source.split(f"//[{name}\n", 1)[1].split("//]", 1)[0].strip()


def faults(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    for name in ("evening", "bulk"):
        if marked((root / f"test/example/{name}.cpp").read_text(encoding="utf-8"), name) not in readme:
            yield f"the README's example is not the text between the marks in test/example/{name}.cpp"
    for path in re.findall(r"\]\(([^)#:]+)\)", readme):
        if not (root / path).exists():
            yield f"the README links to {path}, which is not there"
    if re.search(r"@[A-Z]+@", readme):
        yield "the README holds an unfilled mark"


def main():
    found = list(faults(pathlib.Path(sys.argv[1])))
    for fault in found:
        print(fault)
    print(f"{len(found)} faults")
    return 1 if found else 0


sys.exit(main())
