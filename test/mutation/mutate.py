#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Puts deliberate mistakes into the code, one at a time, and tells which of them no test notices.

    mutate.py                       every mutation of *.toml beside this file; exit 1 if one goes unnoticed
    mutate.py PATTERN...            those whose "list/name" contains one of the patterns
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
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
TARGETS = {"unit/": "unit_tests", "io/": "io_tests", "net/": "net_tests", "roomctl": "roomctl",
           "simulation/": "rooms_simulation"}
REQUIRED = {"name", "file", "old", "new", "why"}
ALLOWED = REQUIRED | {"noticed_by", "changes_nothing"}


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
        self.changes_nothing = table.get("changes_nothing")

    def misfit(self, root):
        """Why it cannot be put into the tree, or None."""
        path = root / self.file
        if not path.is_file():
            return f"there is no {self.file}"
        if self.old == self.new:
            return "old and new are the same"
        count = path.read_text().count(self.old)
        return None if count == 1 else f"its old text occurs {count} times in {self.file}, must be once"

    def targets(self):
        found = {target for prefix, target in TARGETS.items() if prefix in self.noticed_by}
        if not found:
            raise ValueError(f"{self.name}: no target builds the tests {self.noticed_by}")
        return sorted(found)


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


def copy_sources(root, to):
    """The tree as it is now, without touching what did not change: the objects stay good."""
    listed = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", str(root), "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], check=True, capture_output=True).stdout
    wanted = {name for name in listed.decode().split("\0") if name and (root / name).is_file()}
    for old in [p for p in to.rglob("*") if p.is_file()] if to.exists() else []:
        if str(old.relative_to(to)) not in wanted:
            old.unlink()
    for name in wanted:
        source, target = root / name, to / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


class Workshop:
    """A copy of the sources with a build of its own."""

    def __init__(self, root, work, jobs, timeout):
        self.source, self.build = work / "source", work / "build"
        self.jobs, self.timeout = str(jobs), timeout
        copy_sources(root, self.source)
        self.run(["cmake", "--preset", "daily", "-S", ".", "-B", str(self.build)], check=True)

    def run(self, command, check=False, timeout=None):
        try:
            done = subprocess.run(command, cwd=self.source, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout)
        except subprocess.TimeoutExpired as e:
            return subprocess.CompletedProcess(command, 124, (e.stdout or b"").decode(errors="replace") + "\ntimed out")
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}:\n{done.stdout[-4000:]}")
        return done

    def compile(self, targets, check=False):
        return self.run(["cmake", "--build", str(self.build), "--parallel", self.jobs, "--target", *targets], check)

    def test(self, names):
        return self.run(["ctest", "--test-dir", str(self.build), "--no-tests=error", "--stop-on-failure", "-j", self.jobs,
                         "-R", names], timeout=self.timeout)

    def judge(self, m):
        """One of noticed, unnoticed, broken; and a sentence."""
        path = self.source / m.file
        original = path.read_text()
        try:
            path.write_text(original.replace(m.old, m.new))
            built = self.compile(m.targets())
            if built.returncode != 0:
                errors = [line for line in built.stdout.splitlines() if "error" in line]
                return "broken", "does not compile: " + (errors or ["?"])[0]
            tested = self.test(m.noticed_by)
            if tested.returncode == 0:
                return "unnoticed", f"every test of {m.noticed_by} passes"
            failed = re.search(r"Test +#\d+: (\S+) \.*\** *(Failed|Timeout|Not Run|Exception|Subprocess)|(timed out)$",
                               tested.stdout, re.M)
            if failed is None:
                return "broken", "ctest: " + tested.stdout.strip().splitlines()[-1]
            return "noticed", failed.group(1) or "the tests did not end"
        finally:
            path.write_text(original)


def baseline(shop, mutations):
    """The tests pass without a mistake, or nothing can be told by them."""
    shop.compile(sorted({t for m in mutations for t in m.targets()}), check=True)
    every = "|".join(sorted({f"({m.noticed_by})" for m in mutations}))
    tested = shop.test(every)
    if tested.returncode != 0:
        raise RuntimeError("the tests fail without a mutation:\n" + tested.stdout[-4000:])


def score(mutations, root, work, jobs, timeout):
    asked = [m for m in mutations if m.noticed_by]
    started = time.monotonic()
    shop = Workshop(root, work, jobs, timeout)
    baseline(shop, asked)
    counts = {"noticed": 0, "unnoticed": 0, "broken": 0}
    for m in asked:
        verdict, why = shop.judge(m)
        counts[verdict] += 1
        print(f"{verdict:9} {m.name}: {why}", flush=True)
    for m in mutations:
        if m.changes_nothing:
            print(f"harmless  {m.name}: {m.changes_nothing}")
    print(f"{len(mutations)} mutations in {time.monotonic() - started:.0f} s: {counts['noticed']} noticed, "
          f"{counts['unnoticed']} unnoticed, {counts['broken']} broken, {len(mutations) - len(asked)} without effect")
    return 0 if counts["noticed"] == len(asked) else 1


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "code.txt").write_text("one two two\n")
        table = {"name": "n", "file": "code.txt", "old": "one", "new": "1", "why": "w", "noticed_by": "^unit/a|^io/"}
        good = Mutation("l", table)
        assert good.misfit(root) is None
        assert good.targets() == ["io_tests", "unit_tests"]
        assert "2 times" in Mutation("l", {**table, "old": "two"}).misfit(root)
        assert "0 times" in Mutation("l", {**table, "old": "three"}).misfit(root)
        assert "the same" in Mutation("l", {**table, "new": "one"}).misfit(root)
        assert "no other.txt" in Mutation("l", {**table, "file": "other.txt"}).misfit(root)
        for wrong in ({**table, "changes_nothing": "r"}, {**table, "noticed": 1}, {k: v for k, v in table.items() if k != "why"}):
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
    parser.add_argument("--timeout", type=float, default=120, help="seconds for the tests of one mutation")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    root = arguments.root.resolve()
    mutations = read_lists(HERE)
    if arguments.patterns:
        mutations = [m for m in mutations if any(p in m.name for p in arguments.patterns)]
    misfits = check(mutations, root)
    if misfits or arguments.check:
        return misfits
    return score(mutations, root, (arguments.work or root / "build-mutation").resolve(), arguments.jobs, arguments.timeout)


if __name__ == "__main__":
    sys.exit(main())
