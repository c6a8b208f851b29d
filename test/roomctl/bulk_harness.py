# SPDX-License-Identifier: BSL-1.0
"""What the tests of roomctl's commands for many rooms have in common."""

import json
import os
import sys
import tempfile
import unittest

import harness
from harness import SandboxTest, end


def room(n, **more):
    return {"roomId": f"match-{n}", "name": f"Match {n}", "about": "Kick-off at 20:00", **more}


def json_lines(entries):
    return "".join(json.dumps(e) + "\n" for e in entries)


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def main():
    """PROGRAM [CLASS...]"""
    harness.PROGRAM[:] = [os.path.abspath(sys.argv.pop(1))]
    unittest.main()


class BulkTest(SandboxTest):
    """An empty sandbox and an own folder for each test."""

    def setUp(self):
        self.sandbox.admin("POST", "/sandbox/reset")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def manifest(self, entries, name="rooms.jsonl"):
        text = entries if isinstance(entries, str) else json_lines(entries)
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return self.path(name)

    def apply(self, code, *args, **more):
        """The summary, which is the last line."""
        result = self.exits(self.roomctl("--json", "apply", *args, **more), code)
        self.assertEqual(result.stderr, "")
        self.assertTrue(result.stdout, "nothing told")
        return lines_of(result.stdout)[-1]

    def plan(self, code, *args, **more):
        result = self.exits(self.roomctl("--json", "plan", *args, **more), code)
        told = lines_of(result.stdout)
        return told[:-1], told[-1]

    def rooms(self):
        return {r["roomId"]: r for r in self.sandbox.admin("GET", "/sandbox/rooms")}

    def counters(self):
        return self.sandbox.admin("GET", "/sandbox/counters")

    def creations(self):
        """How often each room was created."""
        return self.sandbox.admin("GET", "/sandbox/creations")

    def requests(self):
        return self.counters()["requests"].get("any", 0)

    def results(self, name="results.jsonl"):
        with open(self.path(name), encoding="utf-8") as file:
            return lines_of(file.read())

    def forget_results(self, name="results.jsonl"):
        """So that those of the next run are not added to them."""
        if os.path.exists(self.path(name)):
            os.unlink(self.path(name))

    def assert_applied(self, entries):
        rooms = self.rooms()
        self.assertEqual(set(rooms), {e["roomId"] for e in entries})
        for e in entries:
            self.assertLessEqual(e.items(), rooms[e["roomId"]].items())

    def start_apply(self, *args, **more):
        running = harness.Running(*self.sandbox.arguments(), "apply", *args, **more)
        self.addCleanup(end, running.process)
        return running

    def own_sandbox(self):
        """One that the test may stop."""
        self.sandbox = self.start_sandbox()

    def another_project(self):
        """Stops the sandbox and starts one with another API key at the same URL.

        @returns a function that runs roomctl with that key."""
        port = int(self.sandbox.base_url.rsplit(":", 1)[1])
        self.sandbox.stop()
        key = {"WATCHERS_API_KEY": "other-key-71b2", "WATCHERS_BEARER_TOKEN": "sandbox"}
        file = self.write_file("".join(f"{name}={value}\n" for name, value in key.items()))
        other = harness.RunningSandbox("--credentials", file, port=port)
        self.addCleanup(other.close)
        self.assertEqual(other.base_url, self.sandbox.base_url)
        return lambda *args: harness.run(*other.arguments(), *args, env=key)

    def stalled_apply(self, room_id, *args, times=1, **more):
        """An apply whose request for that room has come to the server, which does not answer it."""
        before = self.counters()["faults_fired"]
        self.sandbox.fault(action="stall", room=room_id, op="create", times=times)
        running = self.start_apply(*args, **more)
        while self.counters()["faults_fired"] < before + times:
            self.assertIsNone(running.process.poll())
        return running
