# SPDX-License-Identifier: BSL-1.0
"""Tests of how much memory `roomctl apply` takes.

memory_test.py PROGRAM [CLASS...]
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import harness
from crash_rig import WatchedSandbox
from harness import SANDBOX_ENVIRONMENT, RoomctlTest, clean_environment


class Memory(RoomctlTest):
    """At most a fifth more for a million operations than for ten thousand."""

    FEW = 10_000
    MANY = 1_000_000
    ROOMS = 1000
    LIMIT = 10 * harness.LIMIT

    # The peak that a process inherits through exec is its parent's, thus of an interpreter as small as can be.
    LAUNCHER = ("import os, sys\n"
                "child = os.fork()\n"
                "if child == 0:\n"
                "    os.execv(sys.argv[1], sys.argv[1:])\n"
                "_, status, usage = os.wait4(child, 0)\n"
                "print(usage.ru_maxrss)\n"
                "sys.exit(os.waitstatus_to_exitcode(status))\n")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, lines):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines)
        return path

    def peak(self, *args):
        """What a run printed, and its peak in KiB."""
        result = subprocess.run([sys.executable, "-I", "-S", "-c", self.LAUNCHER, *harness.PROGRAM, *args],
                                env=clean_environment(**SANDBOX_ENVIRONMENT), capture_output=True, text=True,
                                check=False, timeout=self.LIMIT)
        self.exits(result, 0)
        told, peak = result.stdout.splitlines()
        return json.loads(told), int(peak)

    def check_growth(self, what, few, many):
        print(f"{what}: {few:,} KiB for {self.FEW:,} operations, {many:,} KiB for {self.MANY:,}: "
              f"{many / few:.3f} times as much", flush=True)
        self.assertLess(many, 1.2 * few)

    def test_operations_that_are_carried_out(self):
        sandbox = WatchedSandbox()
        self.addCleanup(sandbox.close)
        rooms = self.write("rooms.jsonl", (json.dumps({"roomId": f"match-{n}", "name": "Match", "about": "A match"}) + "\n"
                                           for n in range(self.ROOMS)))
        self.exits(harness.run(*sandbox.arguments(), "apply", rooms, env=SANDBOX_ENVIRONMENT), 0)
        peaks = []
        for count in [self.FEW, self.MANY]:
            path = self.write("operations.jsonl", (f'{{"op":"get","roomId":"match-{n % self.ROOMS}"}}\n'
                                                   for n in range(count)))
            before = sandbox.counters()["requests"].get("get", 0)
            told, peak = self.peak(*sandbox.arguments(), "--json", "apply", path, "--results", "/dev/null",
                                   "--journal", os.path.join(self.folder, f"journal-{count}"))
            self.assertEqual((told["operations"], told["done"]), (count, count))
            self.assertEqual(sandbox.counters()["requests"]["get"] - before, count)
            print(f"{count:,} operations: {told['operations_per_s']:,} operations/s", flush=True)
            peaks.append(peak)
        self.check_growth("carried out, with a journal and results", *peaks)

    def test_rooms_that_are_looked_through(self):
        peaks = []
        for count in [self.FEW, self.MANY]:
            lines = (f'{{"roomId":"match-{n}","name":"Match {n}","about":"","status":"LIVE"}}\n'
                     for n in range(count // 2))
            path = self.write("rooms.jsonl", lines)
            told, peak = self.peak("--json", "apply", path, "--dry-run")
            self.assertEqual(told["operations"], {"create": count // 2, "status": count // 2})
            peaks.append(peak)
        self.check_growth("looked through, for rooms that appear twice as well", *peaks)


if __name__ == "__main__":
    harness.PROGRAM[:] = [os.path.abspath(sys.argv.pop(1))]
    unittest.main()
