# SPDX-License-Identifier: BSL-1.0
"""Tests of roomctl plan, apply --plan and export.

plan_test.py PROGRAM [CLASS...]
"""

import os

from bulk_harness import BulkTest, json_lines, lines_of, main, room


class Plan(BulkTest):
    def test_plan_shows_what_would_be_done_and_does_nothing(self):
        self.apply(0, self.manifest([room(1), room(2, isSpeak=True), room(3), room(4), room(5)]))
        before = self.rooms()
        wanted = self.manifest([room(0, status="LIVE"), room(1), room(2, isSpeak=False),
                                room(3, status="ENDED"), room(4, name="Final"), room(5, about="At noon", status="SOON")])
        rooms, summary = self.plan(3, wanted)
        self.assertEqual([(r["room_id"], r["steps"]) for r in rooms],
                         [("match-0", ["create", "status"]), ("match-2", ["voice"]), ("match-3", ["status"]),
                          ("match-4", ["cannot"]), ("match-5", ["cannot", "status"])])
        self.assertEqual(rooms[1]["changes"], [{"member": "isSpeak", "from": "on", "to": "off", "possible": True}])
        self.assertEqual({k: summary[k] for k in ["rooms", "create", "voice", "status", "cannot", "unread",
                                                  "unchanged", "recreate"]},
                         {"rooms": 6, "create": 1, "voice": 1, "status": 2, "cannot": 2, "unread": 0,
                          "unchanged": 1, "recreate": 0})
        self.assertEqual(summary["operations"], {"create": 1, "voice": 1, "status": 3})

        shown = self.exits(self.roomctl("plan", wanted), 3).stdout
        for line in ["+   match-0: create, then set its status", "~   match-2: isSpeak on -> off",
                     "~   match-3: status LIVE -> ENDED", "!   match-4: cannot be changed: name 'Match 4' -> 'Final'"]:
            self.assertIn(line, shown)
        self.assertNotIn("match-1:", shown)
        self.assertEqual(self.rooms(), before)

    def test_applied_plan_leaves_nothing_to_do(self):
        self.apply(0, self.manifest([room(n, isSpeak=n % 2 == 0) for n in range(0, 200, 2)]))
        entries = [room(n, isSpeak=n % 3 == 0, status=["LIVE", "ENDED", "SOON"][n % 3]) for n in range(200)]
        path = self.manifest(entries)
        told = self.apply(0, path, "--plan")
        self.assertEqual(told["by_operation"]["create"]["done"], 100)
        self.assert_applied(entries)
        before = self.counters()["requests"]
        told = self.apply(0, path, "--plan")
        self.assertEqual(told["operations"], 0)
        after = self.counters()["requests"]
        self.assertEqual({k: after[k] for k in ["create", "voice", "status"]},
                         {k: before[k] for k in ["create", "voice", "status"]})
        self.assertEqual(after["get"] - before["get"], 200)

    def test_what_cannot_be_is_told_and_the_rest_done(self):
        self.apply(0, self.manifest([room(n) for n in range(3)]))
        path = self.manifest([room(0, status="ENDED"), room(1, name="Final", status="ENDED"), room(2)])
        told = self.apply(3, path, "--plan")
        self.assertEqual((told["cannot"], told["done"], told["exit_code"]), (1, 2, 3))
        self.assertEqual(self.rooms()["match-1"]["name"], "Match 1")
        self.assertEqual(self.rooms()["match-1"]["status"], "ENDED")
        shown = self.exits(self.roomctl("apply", path, "--plan"), 3)
        self.assertIn("!   match-1: cannot be changed", shown.stdout)
        self.assertIn("1 room cannot be changed as asked", shown.stderr)

    def test_rooms_may_be_created_anew(self):
        self.apply(0, self.manifest([room(n) for n in range(3)]))
        entries = [room(0), room(1, name="Final", status="ENDED"), room(2)]
        path = self.manifest(entries)
        rooms, summary = self.plan(0, path, "--recreate")
        self.assertEqual([(r["room_id"], r["steps"]) for r in rooms], [("match-1", ["recreate", "status"])])
        self.assertEqual(summary["operations"], {"create": 1, "status": 1, "delete": 1})
        told = self.apply(0, path, "--plan", "--recreate", "--yes")
        self.assertEqual({k: v["done"] for k, v in told["by_operation"].items()},
                         {"delete": 1, "create": 1, "status": 1})
        self.assert_applied(entries)
        self.assertEqual(self.apply(0, path, "--plan", "--recreate", "--yes")["operations"], 0)

    def test_dry_run_of_a_plan_is_the_plan(self):
        self.apply(0, self.manifest([room(1)]))
        path = self.manifest([room(1, status="ENDED"), room(2)])
        before = self.rooms()
        shown = self.exits(self.roomctl("apply", path, "--plan", "--dry-run"), 0).stdout
        self.assertIn("~   match-1: status LIVE -> ENDED", shown)
        self.assertIn("+   match-2: create", shown)
        self.assertEqual(self.rooms(), before)

    def test_rooms_that_cannot_be_read_are_left_alone(self):
        self.apply(0, self.manifest([room(n) for n in range(3)]))
        self.sandbox.fault(action="respond", status=500, op="get", room="match-1", times=0)
        path = self.manifest([room(n, status="ENDED") for n in range(3)])
        rooms, summary = self.plan(3, path, "--no-retry")
        self.assertEqual([r["steps"] for r in rooms], [["status"], ["unread"], ["status"]])
        self.assertEqual((rooms[1]["error"], summary["unread"], summary["exit_code"]), ("server_error", 1, 3))
        told = self.apply(3, path, "--plan", "--no-retry")
        self.assertEqual((told["unread"], told["done"]), (1, 2))
        self.assertEqual(self.rooms()["match-1"]["status"], "LIVE")

    def test_answers_that_are_not_about_the_room_tell_nothing_of_it(self):
        other = {"roomId": "other", "name": "Other", "about": "", "isSpeak": True, "status": "LIVE"}
        inner = {"data": {"roomId": "match-1", "name": "Match 1", "about": "Kick-off at 20:00"}}
        for body in [other, {}, {"success": False}, inner]:
            with self.subTest(body):
                self.sandbox.admin("POST", "/sandbox/reset")
                self.apply(0, self.manifest([room(n) for n in range(3)]))
                self.sandbox.fault(action="respond", status=200, op="get", room="match-1", times=0, body=body)
                path = self.manifest([room(1), room(2, status="ENDED")])
                rooms, summary = self.plan(4, path, "--recreate", "--no-retry")
                self.assertEqual([r["steps"] for r in rooms], [["unread"], ["status"]])
                error = "malformed_response" if body is other else "bad_body"
                self.assertEqual((rooms[0]["error"], summary["unread"], summary["unchanged"]), (error, 1, 0))
                self.assertIn("another room" if body is other else "names no room", rooms[0]["message"])
                told = self.apply(4, path, "--plan", "--recreate", "--yes", "--no-retry")
                self.assertEqual((told["unread"], told["operations"]), (1, 1))
                self.assertEqual(self.counters()["requests"].get("delete", 0), 0)

                result = self.exits(self.roomctl("export", "match-1", "match-2", "--no-retry"), 4)
                self.assertEqual([r["roomId"] for r in lines_of(result.stdout)], ["match-2"])

    def test_room_without_an_id_is_compared_and_never_deleted(self):
        self.apply(0, self.manifest([room(1)]))
        body = {"name": "Other", "about": "Kick-off at 20:00", "isSpeak": False, "status": "SOON"}
        self.sandbox.fault(action="respond", status=200, op="get", times=0, body=body)
        rooms, _ = self.plan(3, self.manifest([room(1, status="LIVE")]), "--recreate")
        self.assertEqual(rooms[0]["steps"], ["cannot", "status"])
        self.assertIn("does not name its room", rooms[0]["obstacle"])
        self.apply(3, self.manifest([room(1, status="LIVE")]), "--plan", "--recreate", "--yes")
        self.assertEqual(self.counters()["requests"].get("delete", 0), 0)

    def test_manifest_that_changes_after_the_comparison_is_not_carried_out(self):
        self.apply(0, self.manifest([room(n) for n in range(4)]))
        path = self.manifest([room(n, name="Final") for n in range(3)])
        self.sandbox.fault(action="delay", op="get", room="match-2", delay_ms=1500)
        before = self.counters()["faults_fired"]
        running = self.start_apply(path, "--plan", "--recreate", "--yes")
        while self.counters()["faults_fired"] == before:
            self.assertIsNone(running.process.poll())
        with open(path, "r+", encoding="utf-8") as file:
            file.write(json_lines([room(3, name="Final")]))
        result = self.exits(running.result(), 1)
        self.assertIn("changed while it was read", result.stderr)
        self.assertEqual(self.counters()["requests"].get("delete", 0), 0)

    def test_rooms_created_anew_keep_what_the_manifest_does_not_tell(self):
        there = room(1, isSpeak=True, status="LIVE", pic="https://a.example/p.png", streamUrl="https://a.example/s",
                     startTime="2026-01-31T20:00:00.000Z", endTime="2126-12-31T23:00:30.000Z")
        self.apply(0, self.manifest([there]))
        path = self.manifest([room(1, name="Final")])
        rooms, _ = self.plan(0, path, "--recreate")
        self.assertEqual((rooms[0]["steps"], rooms[0]["live"]), (["recreate", "status"], True))
        self.assertEqual(rooms[0]["kept"], {"isSpeak": "on", **{k: there[k] for k in ["status", "startTime", "endTime",
                                                                                       "pic", "streamUrl"]}})
        shown = self.exits(self.roomctl("plan", path, "--recreate"), 0).stdout
        self.assertIn("-/+ match-1: delete, although it is LIVE, and create: name 'Match 1' -> 'Final'; "
                      "kept: isSpeak on, status LIVE, startTime '2026-", shown)
        self.apply(0, path, "--plan", "--recreate", "--yes")
        self.assert_applied([{**there, "name": "Final"}])

    def test_shards_of_a_plan_cover_all_rooms_once(self):
        path = self.manifest([room(n) for n in range(60)])
        seen = [r["room_id"] for i in range(3) for r in self.plan(0, path, "--shard", f"{i}/3")[0]]
        self.assertEqual(sorted(seen), sorted(f"match-{n}" for n in range(60)))

    def test_interrupted_plan_changes_nothing(self):
        self.sandbox.fault(action="stall", op="get", room="match-1")
        before = self.counters()["faults_fired"]
        path = self.manifest([room(n) for n in range(500)])
        running = self.start_apply(path, "--plan", "--max-in-flight", "2")
        while self.counters()["faults_fired"] == before:
            self.assertIsNone(running.process.poll())
        running.interrupt()
        running.error_line()  # says so: two signals at once could become one
        running.interrupt()
        result = self.exits(running.result(), 4)
        self.assertIn("stopped before the end: interrupted", result.stderr)
        self.assertEqual(self.rooms(), {})


class Export(BulkTest):
    whole = room(7, isSpeak=True, status="SOON", startTime="2126-12-31T20:00:00.000Z",
                 endTime="2126-12-31T23:00:30.000Z", pic="https://a.example/p.png",
                 streamUrl="https://a.example/s", sourceUrl="https://a.example/v",
                 streamStartTime="2126-12-31T20:00:00.000Z", streamEndTime="2126-12-31T22:00:00.000Z")

    def test_exported_rooms_are_a_manifest_of_what_is_there(self):
        entries = [self.whole, *[room(n, isSpeak=n % 2 == 0, status="ENDED") for n in range(10, 60)]]
        path = self.manifest(entries)
        self.apply(0, path)
        exported = self.exits(self.roomctl("export", path), 0)
        self.assertEqual(exported.stderr, "")
        # A scheduled room's status is the moment's.
        del entries[0]["status"]
        self.assertEqual(lines_of(exported.stdout), entries)

        rooms, summary = self.plan(0, "-", input=exported.stdout)
        self.assertEqual((rooms, summary["unchanged"]), ([], 51))
        self.sandbox.admin("POST", "/sandbox/reset")
        self.apply(0, "-", input=exported.stdout)
        self.assert_applied(entries)

    def test_ids_are_taken_as_they_are_given(self):
        ids = ["[final]", "[a,b]", "[]", "[[a]]", "{}", "%%", "'", "a,b", "[a", "-dash", "final"]
        self.apply(0, self.manifest([{"roomId": i, "name": "n", "about": "a"} for i in ids]))
        for room_id in ids:
            with self.subTest(room_id):
                exported = self.exits(self.roomctl("export", "--ids", "--", room_id), 0)
                self.assertEqual([r["roomId"] for r in lines_of(exported.stdout)], [room_id])
        exported = self.exits(self.roomctl("export", "--ids", "--", *ids), 0)
        self.assertEqual([r["roomId"] for r in lines_of(exported.stdout)], ids)

    def test_ids_come_as_arguments_from_a_file_or_from_standard_input(self):
        self.apply(0, self.manifest([room(n) for n in range(5)]))
        ids = ["match-3", "match-0", "match-4"]
        listed = "match-3\n\nmatch-0\r\nmatch-4"
        file = self.manifest(listed, "ids.txt")
        for arguments, text in [(ids, None), ([file], None), (["-"], listed)]:
            with self.subTest(arguments):
                result = self.exits(self.roomctl("export", *arguments, input=text), 0)
                self.assertEqual([r["roomId"] for r in lines_of(result.stdout)], ids)
        manifest = json_lines([{"op": "get", "roomId": i} for i in ids])
        result = self.exits(self.roomctl("export", "-", "--format", "jsonl", input=manifest), 0)
        self.assertEqual([r["roomId"] for r in lines_of(result.stdout)], ids)
        self.exits(self.roomctl("export", "-", input=manifest), 2)
        named = self.roomctl("export", "--ids", os.path.basename(file), cwd=self.folder)
        self.assertIn("no such room", self.exits(named, 3).stderr)

    def test_missing_rooms_are_told_and_the_others_exported(self):
        self.apply(0, self.manifest([room(1), room(2)]))
        result = self.exits(self.roomctl("export", "match-1", "gone", "match-2"), 3)
        self.assertEqual([r["roomId"] for r in lines_of(result.stdout)], ["match-1", "match-2"])
        self.assertIn("export gone: there is no such room (HTTP 404)", self.one_line(result.stderr))
        result = self.exits(self.roomctl("--json", "export", "match-1", "gone"), 3)
        self.assertEqual([r["roomId"] for r in lines_of(result.stdout)], ["match-1"])
        told = lines_of(result.stderr)
        self.assertEqual([(t["room_id"], t["error"]) for t in told], [("gone", "not_found")])

    def test_errors_of_programs_are_kept_apart_from_rooms(self):
        for arguments, code in [(["a", ".."], 2), ([self.manifest('{"roomId": ""}\n')], 2)]:
            result = self.exits(self.roomctl("--json", "export", *arguments), code)
            self.assertEqual(result.stdout, "")
            self.assertEqual(lines_of(result.stderr)[-1]["exit_code"], code)

    def test_list_of_ids_is_looked_through_before_anything_is_sent(self):
        before = self.requests()
        line = self.error_line(self.exits(self.roomctl("export", self.manifest("match-1\n..\n", "ids.txt")), 2))
        self.assertIn("line 2: ", line)
        self.assertEqual(self.requests(), before)
        empty = self.exits(self.roomctl("export", self.manifest("\n", "ids.txt")), 0)
        self.assertIn("holds no entries", empty.stderr)

    def test_room_that_no_manifest_can_hold_is_a_failure(self):
        self.sandbox.fault(action="respond", op="get", room="odd", status=200, times=0,
                           body={"roomId": "odd", "name": "n", "about": "a", "pic": "p" * 10_000})
        result = self.exits(self.roomctl("export", "odd"), 4)
        self.assertEqual(result.stdout, "")
        self.assertIn("a manifest cannot hold it: pic: ", self.one_line(result.stderr))

    def test_answer_that_is_no_whole_room_is_a_failure(self):
        self.sandbox.fault(action="respond", op="get", room="odd", status=200, body={"roomId": "odd", "name": "n"})
        result = self.exits(self.roomctl("export", "odd"), 4)
        self.assertEqual(result.stdout, "")
        self.assertIn("lacks about", self.one_line(result.stderr))


if __name__ == "__main__":
    main()
