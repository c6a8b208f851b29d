#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Puts deliberate mistakes into the code, one at a time, and tells which of them no test notices.

    mutate.py                       every mutation of *.toml beside this file; exit 1 if one goes unnoticed
    mutate.py PATTERN...            those whose "list/name" contains one of the patterns
    mutate.py --resume           goes on with a run that was broken off
    mutate.py --check               only whether every mutation fits the sources (ctest runs this)
    mutate.py --self-test           the script's own test

Works on a copy of the tracked and new files in --work (default: build-mutation), which keeps its objects for the
next run. A mutation is a table of a list:

    [[mutation]]
    name = "what_goes_wrong"                          # unique in its list
    file = "include/watchers/rooms/impl/wipe.ipp"     # from the top of the tree
    old = 'text that occurs once'
    new = 'the mistake'
    noticed_by = '^unit/wipe'                         # regular expression over ctest's names
    why = "what would happen to a user"
    changes_nothing = "reason"                        # instead of noticed_by: the mistake has no effect
"""

import argparse
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
TARGETS = {"unit/": "unit_tests", "io/": "io_tests", "net/": "net_tests", "roomctl": "roomctl",
           "simulation/": "rooms_simulation"}
DOCTEST = ("^unit/", "^io/", "^net/")
WHOLE = {"^unit/": "unit_tests", "^io/": "io_tests"}
# Files of test/unit that are not named after the file they test.
TESTED_BY = {"classify": ["response_meaning", "error_sentence"], "credential_rules": ["validate"],
             "room_builder": ["room_parse"], "room_synthesis": ["room_match"], "text": ["roomctl_text"],
             "bulk_report": ["roomctl_bulk_report"], "exit_code": ["roomctl_exit_code"], "room_store": ["sandbox_store"],
             "reach_rules": ["stop_rules"], "wipe": ["credentials"]}
REQUIRED = {"name", "file", "old", "new", "why"}
ALLOWED = REQUIRED | {"noticed_by", "changes_nothing"}


def targets(names):
    """What has to be built for the tests of this regular expression."""
    return sorted({target for prefix, target in TARGETS.items() if re.search(rf"(?<![/\w]){prefix}", names)})


class Mutation:
    def __init__(self, list_name, table):
        unknown, missing = set(table) - ALLOWED, REQUIRED - set(table)
        if unknown or missing:
            raise ValueError(f"{list_name}: {table.get('name', '?')}: unknown {sorted(unknown)}, missing {sorted(missing)}")
        self.name = f"{list_name}/{table['name']}"
        if ("noticed_by" in table) == ("changes_nothing" in table):
            raise ValueError(f"{self.name}: needs noticed_by or changes_nothing, not both")
        self.file, self.old, self.new = table["file"], table["old"], table["new"]
        self.noticed_by = table.get("noticed_by")
        stem = pathlib.PurePath(self.file).stem
        self.own_tests = ",".join(f"*/{name}_*" for name in [stem, *TESTED_BY.get(stem, [])]) # as doctest matches files
        self.changes_nothing = table.get("changes_nothing")
        for names in stages(self.noticed_by) if self.noticed_by else []:
            if not targets(names):
                raise ValueError(f"{self.name}: no target builds the tests {names}")

    def misfit(self, root):
        """Why it cannot be put into the tree, or judged there, or None."""
        path = root / self.file
        if not path.is_file():
            return f"there is no {self.file}"
        if self.old == self.new:
            return "old and new are the same"
        count = path.read_text().count(self.old)
        if count != 1:
            return f"its old text occurs {count} times in {self.file}, must be once"
        for names in stages(self.noticed_by) if self.noticed_by else []:
            if names.startswith(DOCTEST) and not any(re.search(names, case) for case in test_cases(root)):
                return f"there is no test {names}"
        return None

    def digest(self):
        text = "\0".join((self.file, self.old, self.new, self.noticed_by or ""))
        return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def test_cases(root):
    """As ctest names those of doctest."""
    return [f"{file.parent.name}/{name}" for folder in ("unit", "io", "net")
            for file in (root / "test" / folder).glob("*.cpp")
            for name in re.findall(r'TEST_CASE\("([^"]+)"', file.read_text())]


def read_lists(folder):
    mutations = []
    for path in sorted(folder.glob("*.toml")):
        with path.open("rb") as f:
            mutations += [Mutation(path.stem, table) for table in tomllib.load(f).get("mutation", [])]
    names = [m.name for m in mutations]
    repeated = {n for n in names if names.count(n) > 1}
    if repeated:
        raise ValueError(f"names that occur twice: {sorted(repeated)}")
    return mutations


def check(mutations, root):
    misfits = [f"{m.name}: {why}" for m in mutations if (why := m.misfit(root))]
    for m in misfits:
        print(m)
    print(f"{len(mutations)} mutations, {len(misfits)} do not fit the sources")
    return 1 if misfits else 0


def list_sources(root):
    listed = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", str(root), "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], check=True, capture_output=True).stdout
    return {name for name in listed.decode().split("\0") if name and (root / name).is_file()}


def digest_of_sources(root):
    """Of all but the lists, each of whose entries has a digest of its own."""
    digest = hashlib.sha256()
    for name in sorted(list_sources(root)):
        if not name.startswith("test/mutation/") and not name.endswith(".md"):
            digest.update(name.encode() + b"\0" + (root / name).read_bytes() + b"\0")
    return digest.hexdigest()


def copy_sources(root, to):
    """The tree as it is now, without touching what did not change: the objects stay good."""
    wanted = list_sources(root)
    for old in [p for p in to.rglob("*") if p.is_file()] if to.exists() else []:
        if str(old.relative_to(to)) not in wanted:
            old.unlink()
    for name in wanted:
        source, target = root / name, to / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def stages(pattern):
    """The alternatives of noticed_by, in their order: what the first notices needs no second."""
    parts, depth, escaped = [""], 0, False
    for c in pattern:
        depth += 0 if escaped else (c in "([") - (c in ")]")
        if c == "|" and depth == 0 and not escaped:
            parts.append("")
        else:
            parts[-1] += c
        escaped = c == "\\" and not escaped
    return parts


def passes(names, m):
    """The tests named after the file come first, and those that take seconds last."""
    if names not in WHOLE:
        return [()]
    slow = "fault_92*"
    return [(f"--source-file={m.own_tests}",), (f"--test-case-exclude={slow}",), (f"--test-case={slow}",)]


class Workshop:
    """Sources with a build of their own."""

    def __init__(self, source, build, jobs, timeout):
        self.source, self.build = source, build
        self.jobs, self.timeout = str(jobs), timeout
        # A mistake may leave a parameter unused: the compiler's warnings are not what is measured.
        self.run(["cmake", "--preset", "daily", "-S", ".", "-B", str(self.build), "-DWATCHERS_ROOMS_WERROR=OFF"], check=True)

    def run(self, command, check=False, timeout=None):
        """With its own process group, which ends as a whole: a test's children would outlive it. A file takes the
        output: a pipe would stay open as long as one of them lives."""
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            started = subprocess.Popen(command, cwd=self.source, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            late = False
            try:
                started.wait(timeout)
            except subprocess.TimeoutExpired:
                late = True
            finally:
                if started.poll() is None:
                    os.killpg(started.pid, signal.SIGKILL)
                    started.wait()
            output.seek(0)
            text = output.read() + ("\ntimed out" if late else "")
        if check and started.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}:\n{text[-4000:]}")
        return subprocess.CompletedProcess(command, 124 if late else started.returncode, text)

    def compile(self, targets, check=False):
        return self.run(["cmake", "--build", str(self.build), "--parallel", self.jobs, "--target", *targets], check)

    def test(self, names, filters=()):
        """One process for all tests of a folder, where all are asked for; ctest for a choice of them."""
        if names in WHOLE:
            return self.run([str(self.build / "test" / WHOLE[names]), "--abort-after=1", *filters], timeout=self.timeout)
        return self.run(["ctest", "--test-dir", str(self.build), "--no-tests=error", "--stop-on-failure", "-j", self.jobs,
                         "-R", names], timeout=self.timeout)

    def judge_together(self, several):
        """Those of them, each in a file of its own, that the tests named after their file notice."""
        originals = {m.file: (self.source / m.file).read_text() for m in several}
        noticed = {}
        try:
            for m in several:
                (self.source / m.file).write_text(originals[m.file].replace(m.old, m.new))
            while several:
                built = self.compile(["unit_tests"])
                if built.returncode == 0:
                    break
                at_fault = [m for m in several if re.search(rf"{re.escape(m.file)}:\d+:\d+: error", built.stdout)]
                for m in at_fault or several:
                    (self.source / m.file).write_text(originals[m.file])
                several = [m for m in several if m not in at_fault] if at_fault else []
            for m in several:
                tested = self.run([str(self.build / "test/unit_tests"), "--abort-after=1", f"--source-file={m.own_tests}"],
                                  timeout=min(self.timeout, 120))
                if tested.returncode != 0:
                    noticed[m] = failure(tested)
            return noticed
        finally:
            for file, text in originals.items():
                (self.source / file).write_text(text)

    def judge(self, m):
        """One of noticed, unnoticed, broken; and a sentence."""
        path = self.source / m.file
        original = path.read_text()
        try:
            path.write_text(original.replace(m.old, m.new))
            for names in stages(m.noticed_by):
                built = self.compile(targets(names))
                if built.returncode != 0:
                    errors = [line for line in built.stdout.splitlines() if ": error:" in line]
                    return "broken", "does not compile: " + (errors or ["?"])[0]
                for filters in passes(names, m):
                    tested = self.test(names, filters)
                    if tested.returncode != 0:
                        return failure(tested)
            return "unnoticed", f"every test of {m.noticed_by} passes"
        finally:
            path.write_text(original)


def failure(tested):
    text = tested.stdout
    if tested.returncode == 124:
        return "noticed", "the tests did not end"
    if found := re.search(r"Test +#\d+: (.+?) ?\.*\*\*\*(Failed|Timeout|Not Run|Exception|Subprocess)", text):
        return "noticed", found.group(1)
    if found := re.findall(r"^TEST CASE: +(.*\S)", text, re.M): # those before the last one had a message only
        return "noticed", found[-1]
    last = (text.strip().splitlines() or ["?"])[-1]
    if tested.returncode < 0: # a signal, before doctest said anything
        return "noticed", f"signal {-tested.returncode}: {last}"
    return "broken", last


def baseline(shop, mutations):
    """The tests pass without a mistake, or nothing can be told by them."""
    asked = sorted({names for m in mutations for names in stages(m.noticed_by)})
    shop.compile(sorted({t for names in asked for t in targets(names)}), check=True)
    for names in sorted({n for n in asked if n in WHOLE}) + ["|".join(f"({n})" for n in asked if n not in WHOLE)]:
        if not names:
            continue
        tested = shop.run(["ctest", "--test-dir", str(shop.build), "-j", shop.jobs, "--repeat", "until-pass:2",
                           "-R", names]) if names not in WHOLE else shop.test(names)
        if tested.returncode != 0:
            raise RuntimeError("the tests fail without a mutation:\n" + tested.stdout[-4000:])


class Record:
    """The verdicts so far, for a run that is gone on with. They hold for the sources they were found with."""

    def __init__(self, path, sources):
        self.path, self.sources, self.verdicts = path, sources, {}

    def resume(self):
        if self.path.is_file():
            kept = json.loads(self.path.read_text())
            if kept["sources"] == self.sources:
                self.verdicts = kept["verdicts"]

    def get(self, m):
        found = self.verdicts.get(m.name)
        return found[1:] if found and found[0] == m.digest() and found[1] != "broken" else None

    def put(self, m, verdict, why):
        self.verdicts[m.name] = [m.digest(), verdict, why]
        replaced = self.path.with_suffix(".new")
        replaced.write_text(json.dumps({"sources": self.sources, "verdicts": self.verdicts}, indent=1))
        replaced.replace(self.path)


def batches(mutations):
    """Each has one mutation of a file at most."""
    made = []
    for m in mutations:
        free = next((b for b in made if m.file not in [other.file for other in b]), None)
        if free is None:
            made.append([m])
        else:
            free.append(m)
    return made


def score(mutations, shop, record, check_baseline, together):
    asked = [m for m in mutations if m.noticed_by]
    started = time.monotonic()
    missing = [m for m in asked if not record.get(m)]
    if missing and check_baseline:
        baseline(shop, missing)
    found = {"noticed": [], "unnoticed": [], "broken": []}
    for several in batches([m for m in missing if "^unit/" in stages(m.noticed_by)]) if together else []:
        for m, (verdict, why) in shop.judge_together(several).items():
            if verdict == "noticed":
                record.put(m, verdict, why)
    for m in asked:
        begun = time.monotonic()
        verdict, why = record.get(m) or shop.judge(m)
        record.put(m, verdict, why)
        found[verdict].append(f"{m.name}: {why}")
        print(f"{verdict:9} {m.name}: {why} ({time.monotonic() - begun:.0f} s)", flush=True)
    for m in mutations:
        if m.changes_nothing:
            print(f"harmless  {m.name}: {m.changes_nothing}")
    print(f"{len(mutations)} mutations in {time.monotonic() - started:.0f} s: {len(found['noticed'])} noticed, "
          f"{len(found['unnoticed'])} unnoticed, {len(found['broken'])} broken, {len(mutations) - len(asked)} harmless")
    for verdict in ("unnoticed", "broken"):
        for line in found[verdict]:
            print(f"{verdict:9} {line}")
    return 0 if len(found["noticed"]) == len(asked) else 1


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "code.txt").write_text("one two two\n")
        for folder in ("unit", "io"):
            (root / "test" / folder).mkdir(parents=True)
            (root / "test" / folder / "a_test.cpp").write_text('TEST_CASE("a b")\n')
        table = {"name": "n", "file": "code.txt", "old": "one", "new": "1", "why": "w", "noticed_by": "^unit/a|^io/"}
        good = Mutation("l", table)
        assert good.misfit(root) is None
        assert stages("^unit/a|^io/") == ["^unit/a", "^io/"]
        assert stages(r"^net/(a|b)[|]\|c") == [r"^net/(a|b)[|]\|c"]
        assert targets("^net/a") == ["net_tests"] and targets("^unit/roomctl") == ["unit_tests"]
        same, other = Mutation("l", {**table, "name": "m"}), Mutation("l", {**table, "file": "b.txt"})
        assert batches([good, same, other]) == [[good, other], [same]]
        for returned, text, verdict in (
                (8, "2/3 Test  #7: unit/throttle a_rate ....***Failed  0.01 sec", ("noticed", "unit/throttle a_rate")),
                (1, "TEST CASE:  other\n\n../a_test.cpp:1: MESSAGE\nTEST CASE:  percent slash\n\n../percent_test.cpp:3: ERROR",
                 ("noticed", "percent slash")),
                (-6, "free(): invalid pointer", ("noticed", "signal 6: free(): invalid pointer")),
                (124, "timed out", ("noticed", "the tests did not end")),
                (8, "No tests were found!!!", ("broken", "No tests were found!!!"))):
            assert failure(subprocess.CompletedProcess([], returned, text)) == verdict, text
        record = Record(root / "verdicts.json", "sources")
        record.put(good, "noticed", "unit/a")
        for sources, kept in (("sources", ["noticed", "unit/a"]), ("others", None)):
            later = Record(root / "verdicts.json", sources)
            later.resume()
            assert later.get(good) == kept
            assert later.get(Mutation("l", {**table, "new": "2"})) is None
        assert "2 times" in Mutation("l", {**table, "old": "two"}).misfit(root)
        assert "0 times" in Mutation("l", {**table, "old": "three"}).misfit(root)
        assert "the same" in Mutation("l", {**table, "new": "one"}).misfit(root)
        assert "no test ^net/z" in Mutation("l", {**table, "noticed_by": "^net/z"}).misfit(root)
        assert "no other.txt" in Mutation("l", {**table, "file": "other.txt"}).misfit(root)
        for wrong in ({**table, "changes_nothing": "r"}, {**table, "noticed": 1}, {**table, "noticed_by": "^unti/"}, {k: v for k, v in table.items() if k != "why"}):
            try:
                Mutation("l", wrong)
            except ValueError:
                continue
            raise AssertionError(wrong)
        assert check([good], root) == 0 and check([Mutation("l", {**table, "old": "two"})], root) == 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--root", type=pathlib.Path, default=HERE.parent.parent)
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--resume", action="store_true",
                        help="keep the verdicts of a run that was broken off, as far as sources and list are the same")
    parser.add_argument("--in-place", type=pathlib.Path, metavar="BUILD",
                        help="change the tree itself, with this build folder; each file is restored")
    parser.add_argument("--together", action="store_true",
                        help="first round: one mutation in each file at once, judged by the unit tests named after the file")
    parser.add_argument("--no-baseline", action="store_true", help="do not run the tests without a mistake first")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for the tests of one mutation")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1)) # restores the file
    if arguments.self_test:
        return self_test()
    root = arguments.root.resolve()
    mutations = read_lists(HERE)
    if arguments.patterns:
        mutations = [m for m in mutations if any(p in m.name for p in arguments.patterns)]
    misfits = check(mutations, root)
    if misfits or arguments.check:
        return misfits
    work = (arguments.work or root / "build-mutation").resolve()
    work.mkdir(parents=True, exist_ok=True)
    record = Record(work / "verdicts.json", digest_of_sources(root))
    if arguments.resume:
        record.resume()
    if arguments.in_place:
        shop = Workshop(root, arguments.in_place.resolve(), arguments.jobs, arguments.timeout)
    else:
        copy_sources(root, work / "source")
        shop = Workshop(work / "source", work / "build", arguments.jobs, arguments.timeout)
    return score(mutations, shop, record, not arguments.no_baseline, arguments.together)


if __name__ == "__main__":
    sys.exit(main())
