# SPDX-License-Identifier: BSL-1.0
"""Row 77: rooms that are deleted and created again are never lost, however the run ends.

recreate_test.py PROGRAM [CLASS...]
"""

import json
import os
import pty
import resource
import signal
import subprocess

import harness
from bulk_harness import BulkTest, json_lines, lines_of, main, room
from harness import SANDBOX_ENVIRONMENT, clean_environment, end, read_until

RECREATE = ["--plan", "--recreate", "--yes"]


class RecreateTest(BulkTest):
    """Rooms with members that the manifest leaves out."""

    def there(self, count):
        """@returns the manifest that changes their names, and the rooms that it leads to."""
        rooms = [room(n, isSpeak=True, status="ENDED", pic="https://a.example/p.png") for n in range(count)]
        self.apply(0, self.manifest(rooms, "before.jsonl"))
        path = self.manifest([room(n, name="Final") for n in range(count)])
        return path, [{**r, "name": "Final"} for r in rooms]

    def sent(self, op):
        return self.counters()["requests"].get(op, 0)

    def wait_until(self, running, op, count):
        while self.sent(op) < count:
            self.assertIsNone(running.process.poll())

    def kept(self, path):
        return path + ".kept"

    def killed_between_delete_and_create(self, path, count):
        """A run that is killed while the creates of some deleted rooms are under way."""
        self.sandbox.fault(action="stall", op="create", times=count)
        before = self.sent("create")
        running = self.start_apply(path, *RECREATE)
        self.wait_until(running, "create", before + count)
        running.interrupt(signal.SIGKILL)
        running.result()


class Interrupted(RecreateTest):
    def test_row_77_first_interruption_lets_each_deleted_room_be_created(self):
        path, wanted = self.there(200)
        self.sandbox.fault(action="delay", op="delete", delay_ms=300, times=0)
        creates = self.sent("create")
        running = self.start_apply(path, *RECREATE)
        self.wait_until(running, "delete", 32)
        running.interrupt(signal.SIGTERM)
        result = self.exits(running.result(), 4)
        self.assertIn("interrupted", result.stderr)
        self.assertEqual(len(self.rooms()), 200)
        renewed = [r for r in self.rooms().values() if r["name"] == "Final"]
        self.assertGreaterEqual(len(renewed), 32)
        self.assertLess(len(renewed), 200)
        self.assertEqual(self.sent("create") - creates, len(renewed))
        for r in renewed:
            self.assertEqual((r["isSpeak"], r["status"], r["pic"]), (True, "ENDED", "https://a.example/p.png"))
        self.assertFalse(os.path.exists(self.kept(path)))
        self.apply(0, path, *RECREATE)
        self.assert_applied(wanted)

    def test_row_77_second_interruption_names_the_rooms_and_the_rerun_creates_them(self):
        path, wanted = self.there(200)
        self.sandbox.fault(action="stall", op="create", times=32)
        creates = self.sent("create")
        running = self.start_apply(path, *RECREATE, "--results", self.path("results.jsonl"), "--max-in-flight", "32")
        self.wait_until(running, "create", creates + 32)
        running.interrupt(signal.SIGTERM)
        while "waiting for" not in running.error_line():
            pass
        running.interrupt(signal.SIGTERM)
        result = self.exits(running.result(), 5)
        self.assertIn("deleted and not created again: match-", result.stderr)
        self.assertIn("kept in " + self.kept(path), result.stderr)
        self.assertIn("to go on: ", result.stderr)
        self.assertEqual(os.stat(self.kept(path)).st_mode & 0o777, 0o600)
        with open(self.kept(path), encoding="utf-8") as file:
            self.assertNotIn("sandbox", file.read())  # key and token
        self.apply(0, path, *RECREATE)
        self.assert_applied(wanted)
        self.assertFalse(os.path.exists(self.kept(path)))

    def test_row_77_killed_run_loses_nothing(self):
        path, wanted = self.there(200)
        self.killed_between_delete_and_create(path, 32)
        missing = 200 - len(self.rooms())
        self.assertGreaterEqual(missing, 32)
        told = self.apply(3, path, "--plan")  # the others need --recreate
        self.assertEqual(told["by_operation"]["create"]["done"], missing)
        self.apply(0, path, *RECREATE)
        self.assert_applied(wanted)
        self.assertFalse(os.path.exists(self.kept(path)))

    def test_row_77_interrupted_rerun_loses_nothing(self):
        path, wanted = self.there(100)
        self.killed_between_delete_and_create(path, 32)
        self.killed_between_delete_and_create(path, 16)
        self.apply(0, path, *RECREATE)
        self.assert_applied(wanted)
        self.assertFalse(os.path.exists(self.kept(path)))

    def test_row_77_killed_between_create_and_status(self):
        path, wanted = self.there(40)
        self.sandbox.fault(action="stall", op="status", times=8)
        before = self.sent("status")
        running = self.start_apply(path, *RECREATE, "--max-in-flight", "8")
        self.wait_until(running, "status", before + 8)
        running.interrupt(signal.SIGKILL)
        running.result()
        self.apply(0, path, *RECREATE)
        self.assert_applied(wanted)

    def test_row_77_results_that_cannot_be_written_leave_no_unit_undone(self):
        path, wanted = self.there(60)
        self.sandbox.fault(action="delay", op="delete", delay_ms=200, times=0)
        result = self.exits(self.roomctl("--json", "apply", path, *RECREATE, "--max-in-flight", "4",
                                         "--results", "/dev/full"), 1)
        told = lines_of(result.stdout)
        self.assertIn("/dev/full: not everything could be written", told[-1]["message"])
        self.assertEqual(told[-2]["stopped_by"], "callback_failed")
        renewed = [r for r in self.rooms().values() if r["name"] == "Final"]
        self.assertEqual(len(self.rooms()), 60)
        self.assertTrue(4 <= len(renewed) < 60, len(renewed))
        for r in renewed:
            self.assertEqual((r["isSpeak"], r["status"], r["pic"]), (True, "ENDED", "https://a.example/p.png"))
        self.assertFalse(os.path.exists(self.kept(path)))
        self.sandbox.admin("DELETE", "/sandbox/faults")
        self.apply(0, path, *RECREATE)
        self.assert_applied(wanted)

    def test_row_77_shards_keep_files_of_their_own(self):
        path, wanted = self.there(60)
        self.sandbox.fault(action="stall", op="create", times=8)
        before = self.sent("create")
        running = [self.start_apply(path, *RECREATE, "--shard", f"{i}/2", "--max-in-flight", "4") for i in range(2)]
        self.wait_until(running[0], "create", before + 8)
        for r in running:
            r.interrupt(signal.SIGKILL)
            r.result()
        self.assertEqual(sorted(f for f in os.listdir(self.folder) if f.endswith(".kept")),
                         ["rooms.jsonl.0-of-2.kept", "rooms.jsonl.1-of-2.kept"])
        for i in range(2):
            self.apply(0, path, *RECREATE, "--shard", f"{i}/2")
        self.assert_applied(wanted)


class Refused(RecreateTest):
    def test_row_77_refused_create_is_told_by_name_and_goes_on(self):
        path, wanted = self.there(5)
        self.sandbox.fault(action="respond", status=400, op="create", room="match-3", body={"message": "no"})
        told = self.apply(5, path, *RECREATE, "--results", self.path("results.jsonl"))
        self.assertEqual((told["deleted"], told["kept"]), (["match-3"], self.kept(path)))
        self.assertIn("--recreate", told["go_on"])
        self.assertEqual([(r["roomId"], r["op"]) for r in self.results() if r.get("room_deleted")],
                         [("match-3", "create")])
        line = self.error_line(self.exits(self.roomctl("apply", path), 2))
        self.assertIn("deleted and not created again", line)
        self.apply(0, path, *RECREATE)
        self.assert_applied(wanted)
        self.assertFalse(os.path.exists(self.kept(path)))

    def test_row_77_stop_at_first_failure_completes_what_was_begun(self):
        path, _ = self.there(60)
        self.sandbox.fault(action="respond", status=400, op="create", room="match-3", body={"message": "no"})
        told = self.apply(5, path, *RECREATE, "--on-failure", "stop")
        self.assertEqual(told["deleted"], ["match-3"])
        self.assertEqual(set(f"match-{n}" for n in range(60)) - set(self.rooms()), {"match-3"})

    def test_row_77_kept_room_that_left_the_manifest_is_created(self):
        path, wanted = self.there(5)
        self.sandbox.fault(action="respond", status=400, op="create", room="match-3", body={"message": "no"})
        self.apply(5, path, *RECREATE)
        self.manifest([room(n, name="Final") for n in range(3)])
        self.apply(0, path, *RECREATE)
        self.assert_applied(wanted)
        self.assertFalse(os.path.exists(self.kept(path)))

    def test_row_77_room_that_is_there_again_is_left_alone(self):
        path, _ = self.there(5)
        self.sandbox.fault(action="respond", status=400, op="create", room="match-3", body={"message": "no"})
        self.apply(5, path, *RECREATE)
        other = room(3, name="Final", about="By hand")
        self.apply(0, self.manifest([other], "other.jsonl"))
        self.apply(3, path, "--plan")
        self.assertEqual(self.rooms()["match-3"]["about"], "By hand")
        self.assertFalse(os.path.exists(self.kept(path)))


class ResultsOfTheRunBefore(RecreateTest):
    """Row 77: they may be the only record of the rooms that were deleted and not created again."""

    def setUp(self):
        super().setUp()
        self.own_sandbox()
        self.rooms_file, self.wanted = self.there(5)
        self.sandbox.fault(action="respond", status=400, op="create", room="match-3", body={"message": "no"})
        self.command = ["apply", self.rooms_file, "--plan", "--recreate", "--results", self.path("results.jsonl")]
        self.exits(self.roomctl(*self.command, "--yes"), 5)
        self.before = self.content()
        self.assertEqual([r["roomId"] for r in self.results() if r.get("room_deleted")], ["match-3"])

    def content(self):
        with open(self.path("results.jsonl"), "rb") as file:
            return file.read()

    def test_row_77_run_that_does_not_reach_the_service_leaves_them(self):
        url, ca = self.sandbox.base_url, self.sandbox.ca
        self.sandbox.stop()
        for arguments, code in [([], 5), (["--stop-unreachable", "0"], 5), (["--stop-unreachable", "2"], 4)]:
            with self.subTest(arguments):
                result = harness.run("--base-url", url, "--ca", self.certificate(), "--no-retry", *self.command,
                                     "--yes", *arguments, env=SANDBOX_ENVIRONMENT)
                self.exits(result, code)
                self.assertEqual(self.content(), self.before)

    def certificate(self):
        """The sandbox's own is removed with it."""
        other = self.start_sandbox()
        return other.ca

    def test_row_77_run_that_cannot_begin_leaves_them(self):
        self.manifest([room(n, name="Other") for n in range(5)])
        for ca, arguments in [(self.sandbox.ca, ["--kept", self.path("none/kept")]), (self.path("none.pem"), [])]:
            with self.subTest(ca):
                result = harness.run("--base-url", self.sandbox.base_url, "--ca", ca, *self.command, "--yes",
                                     *arguments, env=SANDBOX_ENVIRONMENT)
                self.assertIn("none", self.exits(result, 1 if arguments else 2).stderr)
                self.assertEqual(self.content(), self.before)

    def test_row_77_reply_no_leaves_them(self):
        self.manifest([room(n, name="Other") for n in range(5)])
        controller, terminal = pty.openpty()
        self.addCleanup(os.close, controller)
        process = subprocess.Popen([*harness.PROGRAM, *self.sandbox.arguments(), *self.command],
                                   env=clean_environment(**SANDBOX_ENVIRONMENT), stdin=terminal, stdout=terminal,
                                   stderr=terminal, start_new_session=True)
        os.close(terminal)
        self.addCleanup(end, process)
        read_until(controller, b"[y/N]")
        os.write(controller, b"n\n")
        read_until(controller, b"never")
        self.assertEqual(process.wait(harness.LIMIT), 4)
        self.assertEqual(self.content(), self.before)

    def test_row_77_run_that_does_something_replaces_them(self):
        self.apply(0, *self.command[1:], "--yes")
        self.assert_applied(self.wanted)
        self.assertEqual([(r["roomId"], r["outcome"], r.get("room_deleted")) for r in self.results()],
                         [("match-3", "done", None), ("match-3", "done", None)])
        self.apply(0, *self.command[1:], "--yes")  # nothing is left to be done
        self.assertEqual(self.results(), [])

    def test_row_77_rooms_that_are_lost_still_are_marked_again(self):
        self.sandbox.fault(action="respond", status=400, op="create", room="match-3", body={"message": "no"})
        self.apply(5, *self.command[1:], "--yes")
        self.assertEqual([r["roomId"] for r in self.results() if r.get("room_deleted")], ["match-3"])


class UnknownDelete(RecreateTest):
    """The connection is lost while a room is deleted."""

    def lost_delete(self, fault, *more):
        """Row 77: a run without retries that does not learn whether match-3 was deleted."""
        path, wanted = self.there(5)
        self.sandbox.fault(action=fault, op="delete", room="match-3")
        told = self.apply(5, path, *RECREATE, "--no-retry", "--results", self.path("results.jsonl"), *more)
        self.assertEqual((told["unclear"], told["kept"]), (["match-3"], self.kept(path)))
        self.assertNotIn("deleted", told)
        self.assertIn("--recreate", told["go_on"])
        last = {r["op"]: r for r in self.results() if r["roomId"] == "match-3"}
        self.assertEqual((last["delete"]["outcome"], last["create"]["outcome"]), ("unknown", "skipped"))
        self.assertTrue(last["create"]["room_unclear"])
        self.assertEqual([r["roomId"] for r in self.results() if r.get("room_unclear")], ["match-3"])
        return path, wanted

    def test_row_77_retry_finds_the_room_deleted_and_it_is_created(self):
        for fault in ["drop_after", "reset_after", "drop_before", "reset_before"]:
            with self.subTest(fault):
                self.sandbox.admin("POST", "/sandbox/reset")
                path, wanted = self.there(5)
                self.sandbox.fault(action=fault, op="delete", room="match-3")
                deletes = self.sent("delete")
                told = self.apply(0, path, *RECREATE)
                self.assertEqual(self.sent("delete") - deletes, 6)
                self.assertNotIn("unclear", told)
                self.assert_applied(wanted)
                self.assertFalse(os.path.exists(self.kept(path)))

    def test_row_77_deleted_room_is_named_and_the_rerun_creates_it_with_what_was_kept(self):
        for fault in ["drop_after", "reset_after"]:
            with self.subTest(fault):
                self.sandbox.admin("POST", "/sandbox/reset")
                self.forget_results()
                path, wanted = self.lost_delete(fault)
                self.assertNotIn("match-3", self.rooms())
                rooms, _ = self.plan(0, path)
                self.assertEqual([(r["room_id"], r["steps"], r["deleted_earlier"]) for r in rooms],
                                 [("match-3", ["create", "status"], True)])
                self.apply(0, path, "--plan")
                self.assert_applied(wanted)
                self.assertFalse(os.path.exists(self.kept(path)))

    def test_row_77_room_that_was_not_deleted_is_named_and_the_rerun_recreates_it(self):
        for fault in ["drop_before", "reset_before"]:
            with self.subTest(fault):
                self.sandbox.admin("POST", "/sandbox/reset")
                self.forget_results()
                path, wanted = self.lost_delete(fault)
                self.assertEqual(self.rooms()["match-3"]["name"], "Match 3")
                rooms, _ = self.plan(0, path, "--recreate")
                self.assertEqual([(r["room_id"], r["steps"]) for r in rooms], [("match-3", ["recreate", "status"])])
                self.apply(0, path, *RECREATE)
                self.assert_applied(wanted)
                self.assertFalse(os.path.exists(self.kept(path)))

    def test_row_77_kept_room_that_cannot_be_read_stays_kept_and_is_named(self):
        path, wanted = self.lost_delete("drop_after")
        self.sandbox.fault(action="respond", status=500, op="get", room="match-3", times=2)
        rooms, summary = self.plan(3, path, "--no-retry")
        self.assertEqual([(r["room_id"], r["steps"]) for r in rooms], [("match-3", ["unread"])])
        self.assertEqual(summary["kept"], self.kept(path))
        told = self.apply(5, path, *RECREATE, "--no-retry")
        self.assertEqual((told["unclear"], told["kept"]), (["match-3"], self.kept(path)))
        self.assertIn("--recreate", told["go_on"])
        self.apply(0, path, *RECREATE)
        self.assert_applied(wanted)
        self.assertFalse(os.path.exists(self.kept(path)))

    def test_row_77_words_name_the_room(self):
        path, _ = self.there(5)
        self.sandbox.fault(action="drop_after", op="delete", room="match-3")
        result = self.exits(self.roomctl("apply", path, *RECREATE, "--no-retry"), 5)
        self.assertIn("perhaps deleted and not created again: match-3\n", result.stderr)
        self.assertIn("kept in " + self.kept(path), result.stderr)

    def test_row_77_another_rooms_create_in_between_is_an_unclear_end(self):
        path, _ = self.there(5)
        self.sandbox.fault(action="respond", status=409, op="create", room="match-3",
                           body={"message": "Room already exists"})
        told = self.apply(5, path, *RECREATE)
        self.assertEqual((told["unclear"], told["kept"]), (["match-3"], self.kept(path)))


class KeptTest(RecreateTest):
    def lost(self):
        """A room that was deleted and not created again."""
        path, wanted = self.there(5)
        self.sandbox.fault(action="respond", status=400, op="create", room="match-3", body={"message": "no"})
        self.apply(5, path, *RECREATE)
        return path, wanted


class PlannedAgain(KeptTest):
    """A plan shows the rooms that an earlier run deleted and kept, as apply will carry them out."""

    KEPT = {"isSpeak": "on", "status": "ENDED", "pic": "https://a.example/p.png"}

    def plans(self, *args):
        """Of plan and of the dry run of apply, which must be the same: the lines and the summary."""
        rooms, summary = self.plan(0, *args)
        result = self.exits(self.roomctl("--json", "apply", *args, "--plan", "--dry-run"), 0)
        self.assertEqual(lines_of(result.stdout), [*rooms, summary])
        return rooms, summary

    def test_row_77_plan_shows_what_was_deleted_and_kept_and_changes_nothing(self):
        path, wanted = self.lost()
        with open(self.kept(path), "rb") as file:
            kept = file.read()
        for more in [[], ["--recreate"]]:
            with self.subTest(more):
                rooms, summary = self.plans(path, *more)
                self.assertEqual([(r["room_id"], r["line"], r["steps"], r["kept"], r["deleted_earlier"]) for r in rooms],
                                 [("match-3", 4, ["create", "status"], self.KEPT, True)])
                self.assertEqual((summary["create"], summary["deleted_earlier"], summary["kept"], summary["operations"]),
                                 (1, 1, self.kept(path), {"create": 1, "status": 1}))
        for command in [["plan", path], ["apply", path, "--plan", "--dry-run"]]:
            with self.subTest(command):
                shown = self.exits(self.roomctl(*command), 0).stdout
                self.assertIn("+   match-3: create again, since an earlier run deleted it, then set its status; "
                              "kept: isSpeak on, status ENDED, pic 'https://a.example/p.png'\n", shown)
                self.assertIn("1 to create (1 of them deleted by an earlier run)", shown)
                self.assertIn(f"kept in {self.kept(path)}.", shown)
        with open(self.kept(path), "rb") as file:
            self.assertEqual(file.read(), kept)
        self.assertEqual(self.sent("create"), 5 + 5)

        told = self.apply(0, path, "--plan")
        self.assertEqual({k: v["done"] for k, v in told["by_operation"].items()}, {"create": 1, "status": 1})
        self.assert_applied(wanted)
        self.assertEqual(self.plans(path)[0], [])

    def test_row_77_kept_file_without_a_whole_line_is_in_nobodys_way(self):
        for n, content in enumerate(["", '{"kept":{"roomId":"mat']): # the run was killed before it deleted anything
            with self.subTest(content):
                path = self.manifest([room(n)])
                with open(self.kept(path), "w") as file:
                    file.write(content)
                self.exits(self.roomctl("apply", path, "--dry-run"), 0)
                self.apply(0, path)

    def test_row_77_plan_shows_a_kept_room_that_left_the_manifest(self):
        path, wanted = self.lost()
        self.manifest([room(n, name="Final") for n in range(3)])
        rooms, summary = self.plans(path)
        self.assertEqual([(r["room_id"], r["line"], r["steps"], r["kept"], r["deleted_earlier"]) for r in rooms],
                         [("match-3", 0, ["create", "status"], self.KEPT, True)])
        self.assertEqual(summary["rooms"], 4)
        shown = self.exits(self.roomctl("plan", path), 0).stdout
        self.assertIn("(it is not in the manifest any more)", shown)
        self.apply(0, path, "--plan")
        self.assert_applied(wanted)

    def test_row_77_plan_shows_a_status_that_was_not_set(self):
        for change in ["in the manifest", "not in it"]:
            with self.subTest(change):
                self.sandbox.admin("POST", "/sandbox/reset")
                path, wanted = self.there(5)
                self.sandbox.fault(action="respond", status=400, op="status", room="match-3", body={"message": "no"})
                self.apply(3, path, *RECREATE)
                if change == "not in it":
                    self.manifest([room(n, name="Final") for n in range(3)])
                rooms, _ = self.plans(path)
                self.assertEqual([(r["room_id"], r["steps"], r["changes"]) for r in rooms],
                                 [("match-3", ["status"],
                                   [{"member": "status", "from": "LIVE", "to": "ENDED", "possible": True}])])
                self.assertIn("~   match-3: status LIVE -> ENDED", self.exits(self.roomctl("plan", path), 0).stdout)
                self.apply(0, path, "--plan")
                self.assert_applied(wanted)
                self.assertFalse(os.path.exists(self.kept(path)))

    def test_row_77_plan_tells_that_the_manifest_does_not_fit_to_what_was_kept(self):
        path, _ = self.there(5)
        end_time = "2100-01-01T00:00:00.000Z"
        self.apply(0, self.manifest([room(9, endTime=end_time)], "more.jsonl"))
        one = self.manifest([room(9, name="Final")])
        self.sandbox.fault(action="respond", status=400, op="create", room="match-9", body={"message": "no"})
        self.apply(5, one, *RECREATE)
        self.manifest([room(9, name="Final", startTime="2101-01-01T00:00:00.000Z")])
        rooms, _ = self.plan(3, one)
        self.assertEqual((rooms[0]["steps"], rooms[0]["kept"]), (["create", "status"], {"status": "LIVE", "endTime": end_time}))
        self.assertIn("endTime", rooms[0]["obstacle"])
        self.assertIn("this will fail: ", self.exits(self.roomctl("plan", one), 3).stdout)
        self.assertEqual(self.apply(5, one, "--plan")["deleted"], ["match-9"])
        self.assertTrue(os.path.exists(self.kept(one)))

    def test_row_77_plan_of_a_shard_looks_at_the_shards_file(self):
        path, _ = self.there(30)
        self.sandbox.fault(action="respond", status=400, op="create", times=0, body={"message": "no"})
        told = self.apply(5, path, *RECREATE, "--shard", "1/2")
        self.sandbox.admin("DELETE", "/sandbox/faults")
        rooms, summary = self.plans(path, "--shard", "1/2")
        self.assertEqual(sorted(r["room_id"] for r in rooms if r.get("deleted_earlier")), told["deleted"])
        self.assertEqual(summary["kept"], path + ".1-of-2.kept")
        self.assertEqual(self.plan(3, path, "--shard", "0/2")[1].get("deleted_earlier"), None)

    def test_row_77_plan_takes_the_path_of_the_kept_file(self):
        path, _ = self.lost()
        moved = self.path("elsewhere")
        os.rename(self.kept(path), moved)
        self.assertNotIn("deleted_earlier", self.plan(0, path)[1])
        self.assertEqual(self.plans(path, "--kept", moved)[1]["kept"], moved)

    def test_row_77_plan_refuses_the_files_that_apply_refuses(self):
        path, _ = self.lost()
        kept = self.kept(path)
        with open(kept, "rb") as file:
            sound = file.read()
        target = self.path("linked")
        other = self.start_sandbox().arguments()
        os.rename(kept, target)
        for name, arrange, service in [
                ("damaged", lambda: self.write(kept, sound.replace(b"Final", b"Fynal", 1)), None),
                ("something else", lambda: self.write(kept, b"hello\n"), None),
                ("another service", lambda: self.write(kept, sound), other),
                ("symbolic link", lambda: os.symlink(target, kept), None),
                ("hard link", lambda: os.link(target, kept), None),
                ("pipe", lambda: os.mkfifo(kept), None),
                ("folder", lambda: os.mkdir(kept), None)]:
            with self.subTest(name):
                arrange()
                before = self.requests()
                lines = [self.error_line(self.exits(harness.run(*(service or self.sandbox.arguments()), *command,
                                                                env=SANDBOX_ENVIRONMENT), 1)) for command in
                         [["plan", path], ["apply", path, "--plan", "--dry-run"], ["apply", path, "--plan"]]]
                for line in lines:
                    self.assertIn(kept, line)
                if name not in ("pipe", "folder"):  # which cannot be opened for writing
                    self.assertEqual(lines, [lines[0]] * 3)
                self.assertEqual(self.requests(), before)
                (os.rmdir if name == "folder" else os.unlink)(kept)

    def write(self, path, content):
        with open(path, "wb") as file:
            file.write(content)

    def test_row_77_plan_does_not_wait_for_a_run_that_is_going_on(self):
        path, _ = self.there(8)
        self.sandbox.fault(action="stall", op="create", times=4)
        before = self.sent("create")
        running = self.start_apply(path, *RECREATE, "--max-in-flight", "4")
        self.wait_until(running, "create", before + 4)
        rooms, _ = self.plan(0, path, "--recreate")
        self.assertGreaterEqual(sum(1 for r in rooms if r.get("deleted_earlier")), 4)
        running.interrupt(signal.SIGKILL)
        running.result()

    def test_row_77_dry_run_without_a_plan_refuses_as_the_run_does(self):
        path, _ = self.lost()
        line = self.error_line(self.exits(self.roomctl("apply", path), 2))
        self.assertEqual(self.error_line(self.exits(self.roomctl("apply", path, "--dry-run"), 2)), line)


class KeptFile(KeptTest):
    def test_row_77_damaged_or_foreign_file_is_refused_before_anything_is_sent(self):
        path, _ = self.lost()
        with open(self.kept(path), "rb") as file:
            sound = file.read()
        for name, content in [("a letter", sound.replace(b"Final", b"Fynal", 1)), ("other", b"hello\n"),
                              ("results", b'{"index":0}\n'), ("a line cut short", sound[:50] + b"\n" + sound)]:
            with self.subTest(name):
                with open(self.kept(path), "wb") as file:
                    file.write(content)
                before = self.requests()
                line = self.error_line(self.exits(self.roomctl("apply", path, *RECREATE), 1))
                self.assertIn(self.kept(path), line)
                self.assertEqual(self.requests(), before)
                with open(self.kept(path), "rb") as file:
                    self.assertEqual(file.read(), content)

    def test_row_77_torn_last_line_is_no_damage(self):
        path, wanted = self.lost()
        with open(self.kept(path), "r+b") as file:
            first = file.readline()
            file.seek(0, os.SEEK_END)
            file.write(first[:60])
        self.apply(0, path, *RECREATE)
        self.assert_applied(wanted)

    def test_row_77_file_of_another_service_is_refused(self):
        path, _ = self.lost()
        other = self.start_sandbox()
        result = harness.run(*other.arguments(), "apply", path, *RECREATE, env=SANDBOX_ENVIRONMENT)
        self.assertIn("of another service", self.error_line(self.exits(result, 1)))

    def test_row_77_file_of_another_project_is_refused(self):
        # The service tells projects apart by the API key alone.
        self.own_sandbox()
        path, _ = self.lost()
        with open(self.kept(path), "rb") as file:
            content = file.read()
        other = self.another_project()
        for command in [["apply", path, *RECREATE], ["apply", path, "--plan"],
                        ["apply", path, "--plan", "--dry-run"], ["plan", path]]:
            with self.subTest(command):
                line = self.error_line(self.exits(other(*command), 1))
                self.assertIn(self.kept(path) + ": line 1 is of another project, or the API key was changed since; "
                                                "nothing was sent. Use the API key of that project, or move the "
                                                "file away", line)
                self.assertNotIn("71b2", line)
                with open(self.kept(path), "rb") as file:
                    self.assertEqual(file.read(), content)
        self.assertIn("not_found", self.exits(other("--json", "get", "match-3"), 3).stdout)

        os.rename(self.kept(path), self.path("away"))
        self.exits(other("apply", path, *RECREATE), 0)

    def test_row_77_file_is_taken_after_the_key_was_changed_if_the_user_says_so(self):
        self.own_sandbox()
        path, wanted = self.lost()
        other = self.another_project()
        accept = "--accept-project"
        for command in [["plan", path, accept], ["apply", path, "--plan", "--dry-run", accept]]:
            told = lines_of(self.exits(other("--json", *command), 0).stdout)
            self.assertEqual([r["kept"]["status"] for r in told if r.get("room_id") == "match-3"], ["ENDED"])
        stranger = self.start_sandbox()  # the URL must be the same
        result = harness.run(*stranger.arguments(), "apply", path, *RECREATE, accept, env=SANDBOX_ENVIRONMENT)
        self.assertIn("is of another service", self.error_line(self.exits(result, 1)))
        with open(self.kept(path), "rb") as file:
            self.write(self.path("damaged"), file.read().replace(b"Final", b"Fynal", 1))
        result = other("apply", path, *RECREATE, accept, "--kept", self.path("damaged"))
        self.assertIn("is damaged", self.error_line(self.exits(result, 1)))

        self.exits(other("apply", path, *RECREATE, accept), 0)
        told = json.loads(self.exits(other("--json", "get", "match-3"), 0).stdout)["room"]
        self.assertLessEqual(wanted[3].items(), told.items())
        self.assertFalse(os.path.exists(self.kept(path)))
        self.exits(other("apply", path, accept), 2)  # it goes with --plan

    def write(self, path, content):
        with open(path, "wb") as file:
            file.write(content)

    def test_row_77_nothing_is_deleted_where_it_cannot_be_kept(self):
        path, _ = self.there(5)
        before = self.rooms()
        result = self.exits(self.roomctl("apply", path, *RECREATE, "--kept", "/dev/full"), 1)
        self.assertIn("/dev/full", result.stderr)
        result = self.exits(self.roomctl("apply", path, *RECREATE, "--kept", self.path("none/kept")), 1)
        self.assertIn("none/kept", result.stderr)
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
        result = self.exits(self.roomctl("apply", path, *RECREATE, preexec_fn=limit), 1)
        self.assertIn(self.kept(path), result.stderr)
        self.assertFalse(os.path.exists(self.kept(path)))
        self.assertEqual(self.sent("delete"), 0)
        self.assertEqual(self.rooms(), before)


class Confirmation(RecreateTest):
    def test_row_77_without_a_terminal_yes_is_needed(self):
        path, _ = self.there(3)
        before = self.requests()
        line = self.error_line(self.exits(self.roomctl("apply", path, "--plan", "--recreate"), 2))
        self.assertIn("--yes", line)
        self.assertIn("nothing was sent", line)
        self.assertEqual(self.requests(), before)
        self.exits(self.roomctl("apply", path, "--yes"), 2)

    def test_row_77_standard_input_is_kept_in_the_current_folder(self):
        self.there(3)
        self.sandbox.fault(action="respond", status=400, op="create", room="match-1", body={"message": "no"})
        text = json_lines([room(n, name="Final") for n in range(3)])
        told = self.apply(5, "-", *RECREATE, input=text, cwd=self.folder)
        self.assertEqual(told["kept"], "roomctl.kept")
        self.apply(0, "-", *RECREATE, input=text, cwd=self.folder)
        self.assertFalse(os.path.exists(self.path("roomctl.kept")))

    def asked(self, path, reply):
        """@returns the text on the terminal and the exit code."""
        controller, terminal = pty.openpty()
        self.addCleanup(os.close, controller)
        process = subprocess.Popen(
            [*harness.PROGRAM, *self.sandbox.arguments(), "apply", path, "--plan", "--recreate"],
            env=clean_environment(**SANDBOX_ENVIRONMENT), stdin=terminal, stdout=terminal, stderr=terminal,
            start_new_session=True)
        os.close(terminal)
        self.addCleanup(end, process)
        shown = read_until(controller, b"[y/N]").decode()
        self.assertEqual(self.sent("delete"), 0)
        if isinstance(reply, bytes):
            os.write(controller, reply)
        else:
            process.send_signal(reply)
        read_until(controller, b"never")
        return shown, process.wait(harness.LIMIT)

    def test_row_77_terminal_is_asked(self):
        path, wanted = self.there(7)
        before = self.rooms()
        for reply in [b"n\n", b"\n", b"yeah\n", b"\x04", signal.SIGTERM]:
            with self.subTest(reply):
                shown, code = self.asked(path, reply)
                self.assertIn("7 rooms will be deleted and created again: match-0, match-1, ", shown)
                self.assertEqual(code, 4)
                self.assertEqual(self.rooms(), before)
                self.assertFalse(os.path.exists(self.kept(path)))
        self.assertEqual(self.asked(path, b"y\n")[1], 0)
        self.assert_applied(wanted)


if __name__ == "__main__":
    main()
