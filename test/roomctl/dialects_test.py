#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Tests of roomctl that turn on how the service responds: as the vendor's pages show it, and as a plain REST service.

    dialects_test.py PROGRAM [CLASS...]
"""

import bulk_harness
from bulk_harness import BulkTest, lines_of, room
from harness import SANDBOX_ENVIRONMENT, RunningSandbox

WRONG_KEY = {**SANDBOX_ENVIRONMENT, "WATCHERS_API_KEY": "canary"}
WRONG_TOKEN = {**SANDBOX_ENVIRONMENT, "WATCHERS_BEARER_TOKEN": "canary"}


class DialectTest(BulkTest):
    """A sandbox that speaks a dialect."""

    dialect = "vendor"

    @classmethod
    def setUpClass(cls):
        cls.sandbox = RunningSandbox("--dialect", cls.dialect)
        cls.addClassCleanup(cls.sandbox.close)

    def changes(self):
        """How many requests would have changed something."""
        requests = self.counters()["requests"]
        return sum(requests.get(kind, 0) for kind in ["create", "voice", "status", "delete"])


class Life:
    """Behaviour that is the same in each dialect."""

    def test_plan_comes_to_rest_after_apply(self):
        entries = [room(n, isSpeak=n % 2 == 0, status=["LIVE", "ENDED", "DISABLED"][n % 3]) for n in range(12)]
        path = self.manifest(entries)
        _, before = self.plan(0, path)
        self.assertEqual(before["operations"], {"create": 12, "status": 12})
        self.apply(0, path, "--plan")
        self.assert_applied(entries)
        rooms, after = self.plan(0, path)
        self.assertEqual((rooms, after["unchanged"]), ([], 12))

    def test_room_is_created_anew(self):
        # Row 64: the response tells which room it is about.
        self.apply(0, self.manifest([room(1, isSpeak=True, pic="https://a.example/p.png")]))
        path = self.manifest([room(1, name="Final")])
        rooms, _ = self.plan(0, path, "--recreate")
        self.assertEqual(rooms[0]["steps"], ["recreate", "status"])
        self.assertEqual(rooms[0]["kept"], {"isSpeak": "on", "status": "LIVE", "pic": "https://a.example/p.png"})
        self.apply(0, path, "--plan", "--recreate", "--yes")
        self.assert_applied([room(1, name="Final", isSpeak=True, pic="https://a.example/p.png")])
        self.assertEqual(self.creations(), {"match-1": 2})
        self.assertEqual(self.plan(0, path, "--recreate")[0], [])

    def test_exported_rooms_are_a_manifest(self):
        entries = [room(n, isSpeak=n % 2 == 0, status="ENDED") for n in range(10)]
        path = self.manifest(entries)
        self.apply(0, path)
        exported = self.exits(self.roomctl("export", path), 0)
        self.assertEqual((lines_of(exported.stdout), exported.stderr), (entries, ""))
        self.assertEqual(self.plan(0, "-", input=exported.stdout)[1]["unchanged"], 10)

    def test_changes_are_successes_without_a_note(self):
        # Row 65.
        self.create("a")
        for arguments in [["voice", "a", "on"], ["status", "a", "ENDED"], ["delete", "a"]]:
            with self.subTest(arguments):
                told = self.json_line(self.exits(self.roomctl("--json", *arguments), 0))
                self.assertEqual(told["effect"], "applied")
                self.assertNotIn("note", told)


class Vendor(Life, DialectTest):
    def test_plan_comes_to_rest_however_voice_is_spelled(self):
        self.apply(0, self.manifest([room(1, isSpeak=True), room(2, isSpeak=False)]))
        path = self.manifest([room(1, isSpeak=True), room(2, isSpeak=False)])
        for on, off in [(True, False), (1, 0), ("1", "0"), ("true", "false")]:
            with self.subTest(on):
                self.sandbox.admin("DELETE", "/sandbox/faults")
                for n, spelled in [(1, on), (2, off)]:
                    body = {"id": n, "externalRoomId": f"match-{n}", "name": f"Match {n}",
                            "about": "Kick-off at 20:00", "isSpeak": spelled, "status": "LIVE"}
                    self.sandbox.fault(action="respond", op="get", room=f"match-{n}", status=200, times=0, body=body)
                rooms, summary = self.plan(0, path)
                self.assertEqual((rooms, summary["unchanged"]), ([], 2))

    def test_wrong_key_is_no_empty_service(self):
        # Row 62.
        self.apply(0, self.manifest([room(n) for n in range(3)]))
        path = self.manifest([room(n) for n in range(50)])
        before, changes = self.rooms(), self.changes()
        for arguments in [["plan", path], ["plan", path, "--recreate"], ["apply", path, "--plan"],
                          ["apply", path, "--plan", "--recreate", "--yes"]]:
            with self.subTest(arguments):
                result = self.exits(self.roomctl("--json", *arguments, env=WRONG_KEY), 3)
                told = lines_of(result.stdout)
                self.assertNotIn("create", [step for line in told for step in line.get("steps", [])])
                self.assertIn("unknown_project", result.stdout)
                self.assertNotIn("canary", result.stdout + result.stderr)
                self.assertEqual(self.changes(), changes)
        self.assertEqual(self.rooms(), before)

        shown = self.exits(self.roomctl("plan", path, env=WRONG_KEY), 3)
        self.assertNotIn("+   match-", shown.stdout)
        self.assertIn("API key", shown.stdout + shown.stderr)

    def test_wrong_key_deletes_nothing_and_says_so(self):
        # Row 62: nor does it tell that the room is gone.
        self.create("a")
        told = self.json_line(self.exits(self.roomctl("--json", "delete", "a", env=WRONG_KEY), 3))
        self.assertEqual((told["error"], told["effect"], told["http_status"]), ("unknown_project", "none", 404))
        line = self.error_line(self.exits(self.roomctl("delete", "a", env=WRONG_KEY), 3))
        self.assertNotIn("no such room", line)
        self.assertEqual(set(self.rooms()), {"a"})

    def test_wrong_key_or_token_stops_apply(self):
        # Rows 62 and 63.
        path = self.manifest([room(n) for n in range(500)])
        for env, why in [(WRONG_KEY, "unknown_project"), (WRONG_TOKEN, "forbidden")]:
            with self.subTest(why):
                result = self.roomctl("--json", "apply", path, "--max-in-flight", "1", env=env)
                told = lines_of(self.exits(result, 3).stdout)[-1]
                self.assertEqual((told["failed"], told["stopped"], told["stopped_by"]), (1, 499, why))
        self.assertEqual(self.rooms(), {})

    def test_export_with_a_wrong_key_exports_nothing(self):
        # Row 62.
        self.create("a")
        result = self.exits(self.roomctl("export", "a", "b", env=WRONG_KEY), 3)
        self.assertEqual(result.stdout, "")
        self.assertNotIn("no such room", result.stderr)


class Plain(Life, DialectTest):
    dialect = "plain"


if __name__ == "__main__":
    bulk_harness.main()
