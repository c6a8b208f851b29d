# SPDX-License-Identifier: BSL-1.0
"""Tests of roomctl apply.

apply_test.py PROGRAM [CLASS...]
"""

import csv
import io
import os
import signal
import subprocess
import time

import harness
from bulk_harness import BulkTest, json_lines, lines_of, main, room
from harness import SANDBOX_ENVIRONMENT, clean_environment, run


class Apply(BulkTest):
    def test_thousand_rooms_of_json_lines(self):
        entries = [room(n, isSpeak=n % 2 == 0) for n in range(1000)]
        for n in range(0, 1000, 4):
            entries[n]["status"] = "ENDED"
        told = self.apply(0, self.manifest(entries), "--results", self.path("results.jsonl"))
        self.assertEqual((told["operations"], told["done"], told["exit_code"]), (1250, 1250, 0))
        self.assertEqual(told["by_operation"]["create"]["done"], 1000)
        self.assertEqual(told["by_operation"]["status"]["done"], 250)
        self.assertEqual(told["latency"]["create"]["calls"], 1000)
        self.assertLessEqual(told["latency"]["create"]["median_us"], told["latency"]["create"]["p99_us"])
        self.assert_applied(entries)
        self.assertEqual(list(self.creations().values()), [1] * 1000)

        results = self.results()
        self.assertEqual(sorted(r["index"] for r in results), list(range(1250)))
        first = min(results, key=lambda r: r["index"])
        self.assertEqual(first, {"index": 0, "line": 1, "op": "create", "roomId": "match-0", "outcome": "done",
                                 "error": None, "effect": "applied", "attempts": 1, "http_status": 201,
                                 "message": None})
        for r in results:
            self.assertEqual(r["roomId"], entries[r["line"] - 1]["roomId"])

    def test_thousand_rooms_of_csv(self):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["roomId", "name", "about", "isSpeak", "status"])
        for n in range(1000):
            writer.writerow([f"match-{n}", f'Match "{n}", the\nfinal', 'a, "b"', "true" if n % 2 == 0 else "false",
                             "SOON" if n % 5 == 0 else ""])
        told = self.apply(0, self.manifest(text.getvalue(), "rooms.csv"))
        self.assertEqual((told["operations"], told["done"]), (1200, 1200))
        rooms = self.rooms()
        self.assertEqual(len(rooms), 1000)
        self.assertEqual(rooms["match-5"]["name"], 'Match "5", the\nfinal')
        self.assertEqual((rooms["match-4"]["isSpeak"], rooms["match-5"]["isSpeak"]), (True, False))
        self.assertEqual((rooms["match-4"]["status"], rooms["match-5"]["status"]), ("LIVE", "SOON"))

    def test_operations_are_carried_out_in_the_order_of_each_room(self):
        entries = []
        for status in ["ENDED", "SOON", "LIVE", "DISABLED"]:
            entries += [{"op": "status", "roomId": f"match-{n}", "status": status} for n in range(50)]
        created = [{"op": "create", **room(n)} for n in range(50)]
        entries = created + entries + [{"op": "voice", "roomId": "match-1", "isSpeak": True},
                                       {"op": "get", "roomId": "match-1"}, {"op": "delete", "roomId": "match-0"}]
        told = self.apply(0, self.manifest(entries))
        self.assertEqual(told["done"], 253)
        rooms = self.rooms()
        self.assertEqual(len(rooms), 49)
        self.assertEqual({r["status"] for r in rooms.values()}, {"DISABLED"})
        self.assertTrue(rooms["match-1"]["isSpeak"])

    def test_manifest_comes_from_standard_input(self):
        told = self.apply(0, "-", input=json_lines([room(1)]))
        self.assertEqual(told["done"], 1)
        told = self.apply(0, "-", "--format", "csv", input="op,roomId\ndelete,match-1\n")
        self.assertEqual(told["done"], 1)
        self.assertEqual(self.rooms(), {})

    def test_table_tells_people_what_happened(self):
        self.create("match-2")
        path = self.manifest([room(n, status="ENDED") for n in range(4)])
        result = self.exits(self.roomctl("apply", path), 3)
        for pattern in [r" +operations  done  failed  skipped", r"create +4     3       1        0",
                        r"status +4     3       0        1", r"all +8     6       1        1",
                        r"failures +1 x create: .*\(HTTP 409\): .*; the first: match-2, line 3",
                        r"latency +create  .* median, .* 90 %, .* 99 %, .* at most", r"throughput  +[\d,]+ operations/s"]:
            self.assertRegex(result.stdout, "(?m)^" + pattern)
        self.assertRegex(self.one_line(result.stderr), "^roomctl: to go on: .* --plan$")

    def test_empty_manifest_is_applied_already(self):
        path = self.manifest("\n\n")
        for command in [["apply", path], ["plan", path], ["apply", "--plan", path], ["apply", "--dry-run", path]]:
            with self.subTest(command):
                result = self.exits(self.roomctl(*command), 0)
                self.assertEqual(result.stderr, f"roomctl: {path}: holds no entries\n")

    def test_shards_cover_all_rooms_once(self):
        entries = [room(n, status="ENDED") for n in range(300)]
        path = self.manifest(entries)
        parts = [self.apply(0, path, "--shard", f"{i}/3") for i in range(3)]
        self.assertEqual(sum(p["done"] for p in parts), 600)
        self.assertTrue(all(p["done"] > 0 for p in parts))
        self.assert_applied(entries)
        self.assertEqual(list(self.creations().values()), [1] * 300)

    def test_rate_is_kept(self):
        path = self.manifest([room(n) for n in range(30)])
        told = self.apply(0, path, "--rate", "100")
        self.assertGreater(told["elapsed_us"], 200_000)

    def test_no_more_are_under_way_than_asked_for(self):
        path = self.manifest([room(n) for n in range(100)])
        before = self.counters()["connections_accepted"]
        self.apply(0, path, "--max-in-flight", "2")
        self.assertLessEqual(self.counters()["connections_accepted"] - before, 2 + 2)  # two are the counters' own


class Validation(BulkTest):
    def test_every_fault_is_told_and_nothing_is_sent(self):
        text = (json_lines([room(1)]) + '{"roomId": "", "name": "n", "about": "a"}\n' + json_lines([room(2)]) +
                '{"roomId": "x", "name": "n", "about": "a", "status": "OPEN", "isSpeak": 1}\n' +
                '{"roomId": "y", "name": \n' + json_lines([room(1)]))
        path = self.manifest(text)
        before = self.requests()
        result = self.exits(self.roomctl("--json", "apply", path), 2)
        told = lines_of(result.stdout)
        self.assertEqual([(f["line"], f["column"], f["field"]) for f in told[:-1]],
                         [(2, 12, "roomId"), (4, 54, "status"), (4, 73, "isSpeak"), (5, 25, ""), (6, 12, "roomId")])
        self.assertTrue(all(f["rule"] for f in told[:-1]))
        self.assertEqual((told[-1]["error"], told[-1]["faults"], told[-1]["invalid"], told[-1]["entries"]),
                         ("invalid_manifest", 5, 4, 6))
        self.assertEqual((told[-1]["effect"], told[-1]["exit_code"]), ("none", 2))

        shown = self.exits(self.roomctl("apply", path), 2)
        self.assertEqual(shown.stdout, "")
        self.assertIn(f"roomctl: {path}: line 4, column 54: status: must be LIVE", shown.stderr)
        self.assertIn("5 faults, 4 of 6 entries invalid; nothing was sent", shown.stderr)
        self.exits(self.roomctl("plan", path), 2)
        self.assertEqual(self.requests(), before)

    def test_faults_of_csv_have_their_columns(self):
        path = self.manifest("roomId,name,about,isSpeak\na,n,a,true\nb,n,a,maybe\nc,n\n", "rooms.csv")
        result = self.exits(self.roomctl("--json", "apply", path), 2)
        self.assertEqual([(f["line"], f["column"], f["field"]) for f in lines_of(result.stdout)[:-1]],
                         [(3, 7, "isSpeak"), (4, 1, "")])

    def test_faults_come_before_the_network(self):
        path = self.manifest('{"roomId": ""}\n')
        self.exits(run("--base-url", "https://127.0.0.1:1", "apply", path, env=SANDBOX_ENVIRONMENT), 2)

    def test_invalid_entries_may_be_left_out(self):
        path = self.manifest(json_lines([room(1), {"roomId": "x"}, room(2), room(1)]))
        told = self.apply(3, path, "--skip-invalid")
        self.assertEqual((told["done"], told["operations"], told["left_out"], told["exit_code"]), (2, 2, 2, 3))
        self.assertEqual(set(self.rooms()), {"match-1", "match-2"})
        for command in [["apply", "--dry-run"], ["plan"], ["apply", "--plan", "--dry-run"], ["apply", "--plan"]]:
            with self.subTest(command):
                shown = self.exits(self.roomctl(*command, path, "--skip-invalid"), 3)
                self.assertIn("these are left out", shown.stderr)

    def test_dry_run_sends_nothing(self):
        path = self.manifest([room(n, status="LIVE") for n in range(10)])
        before = self.requests()
        told = self.apply(0, path, "--dry-run")
        self.assertEqual((told["dry_run"], told["entries"], told["operations"]),
                         (True, 10, {"create": 10, "status": 10}))
        shown = self.exits(run("apply", path, "--dry-run"), 0)  # without credentials as well
        self.assertEqual(shown.stdout, "Would send: create 10, status 10  (10 entries)\n")
        self.assertEqual(self.requests(), before)

    def test_wrong_arguments_are_usage_errors(self):
        path = self.manifest([room(1)])
        operations = self.manifest([{"op": "get", "roomId": "a"}], "operations.jsonl")
        cases = [
            ["apply"],
            ["apply", path, "--shard", "3/3"],
            ["apply", path, "--shard", "1"],
            ["apply", path, "--max-in-flight", "0"],
            ["apply", path, "--rate", "0"],
            ["apply", path, "--rate", "-1"],
            ["apply", path, "--shard", "00/8"],
            ["apply", path, "--shard", ""],
            ["apply", path, "--max-in-flight", "010"],
            ["apply", path, "--max-in-flight", "0x10"],
            ["apply", path, "--max-in-flight", ""],
            ["apply", path, "--max-in-flight", "4097"],
            ["apply", path, "--rate", "0x10"],
            ["apply", path, "--rate", "nan"],
            ["apply", path, "--rate", "inf"],
            ["apply", path, "--rate", "007"],
            ["apply", path, "--rate", ""],
            ["apply", path, "--grace", "20"],
            ["apply", path, "--on-failure", "panic"],
            ["apply", path, "--format", "xml"],
            ["apply", path, "--recreate"],
            ["apply", path, "--plan", "--journal", self.path("journal")],
            ["apply", operations, "--plan"],
            ["plan"],
            ["plan", operations],
            ["export"],
            ["export", ""],
            ["export", "a", ".."],
        ]
        for arguments in cases:
            with self.subTest(arguments):
                line = self.error_line(self.exits(self.roomctl(*arguments), 2))
                if arguments[2:3] and arguments[2] in ["--shard", "--max-in-flight", "--rate", "--grace"]:
                    self.assertIn(arguments[2], line)

    def test_endless_input_is_an_error(self):
        line = self.error_line(self.exits(self.roomctl("apply", "/dev/zero", "--dry-run"), 1))
        self.assertIn("a line of more than 16 MiB", line)

    def test_line_that_tells_how_to_go_on_can_be_taken_as_it_stands(self):
        self.create("match-1")
        name = "it's \x1b]0;x\x07.jsonl"
        path = self.manifest([room(1)], name)
        result = self.exits(self.roomctl("apply", "--", path), 3)
        line = self.one_line(result.stderr)
        self.assertTrue(line.isprintable(), line)
        command = line.removeprefix("roomctl: to go on: ")
        resumed = subprocess.run(["bash", "-c", command], env=clean_environment(**SANDBOX_ENVIRONMENT),
                                 capture_output=True, text=True, timeout=harness.LIMIT, check=False)
        self.exits(resumed, 3)
        self.assertIn("1 room cannot be changed as asked", resumed.stderr)
        with open(path, encoding="utf-8") as file:
            result = self.exits(self.roomctl("apply", "-", stdin=file), 3)
        self.assertRegex(result.stderr, r" apply - --plan +\(with the same manifest on standard input\)\n$")

    def test_unreadable_files_are_failures(self):
        path = self.manifest([room(1)])
        cases = [["apply", self.path("missing")], ["plan", self.path("missing")], ["apply", self.folder],
                 ["apply", path, "--results", self.path("no/such/folder")],
                 ["apply", path, "--journal", self.path("no/such/folder")]]
        for arguments in cases:
            with self.subTest(arguments):
                self.assertIn(self.folder, self.error_line(self.exits(self.roomctl(*arguments), 1)))
        self.assertEqual(self.rooms(), {})


class Failures(BulkTest):
    def test_refusal_exits_with_3(self):
        self.create("match-1")
        told = self.apply(3, self.manifest([room(n, status="LIVE") for n in range(3)]),
                          "--results", self.path("results.jsonl"))
        self.assertEqual((told["done"], told["failed"], told["skipped"]), (4, 1, 1))
        self.assertEqual([(f["op"], f["error"], f["count"], f["first"]["room_id"], f["first"]["line"])
                          for f in told["failures"]], [("create", "conflict", 1, "match-1", 2)])
        lines = {(r["roomId"], r["op"]): r for r in self.results()}
        failed = lines["match-1", "create"]
        self.assertEqual((failed["outcome"], failed["error"], failed["effect"], failed["http_status"]),
                         ("failed", "conflict", "none", 409))
        self.assertTrue(failed["message"])
        skipped = lines["match-1", "status"]
        self.assertEqual((skipped["outcome"], skipped["error"], skipped["attempts"]),
                         ("skipped", "skipped_after_failure", 0))

    def test_nobody_there_exits_with_4(self):
        path = self.manifest([room(n) for n in range(3)])
        result = run("--json", "--no-retry", "--base-url", "https://127.0.0.1:1", "apply", path,
                     env=SANDBOX_ENVIRONMENT)
        told = lines_of(self.exits(result, 4).stdout)[-1]
        self.assertEqual((told["failed"], told["failures"][0]["error"]), (3, "connect_failed"))

    def test_lost_answers_exit_with_5(self):
        self.sandbox.fault(action="drop_after", op="create", room="match-1")
        told = self.apply(5, self.manifest([room(n) for n in range(3)]), "--no-retry",
                          "--results", self.path("results.jsonl"))
        self.assertEqual((told["done"], told["unknown"]), (2, 1))
        self.assertEqual([(r["roomId"], r["effect"]) for r in self.results() if r["outcome"] == "unknown"],
                         [("match-1", "unknown")])

    def test_lost_answer_is_confirmed(self):
        self.sandbox.fault(action="drop_after", op="create", room="match-1")
        told = self.apply(0, self.manifest([room(n) for n in range(3)]), "--results", self.path("results.jsonl"))
        self.assertEqual((told["done"], told["confirmed"], told["retried"]), (2, 1, 1))
        self.assertEqual([r["roomId"] for r in self.results() if r["outcome"] == "confirmed"], ["match-1"])

    def test_first_failure_may_stop_it(self):
        self.create("match-5")
        path = self.manifest([room(n) for n in range(500)])
        told = self.apply(3, path, "--on-failure", "stop", "--max-in-flight", "1",
                          "--results", self.path("results.jsonl"))
        self.assertEqual((told["done"], told["failed"], told["stopped"], told["stopped_by"]),
                         (5, 1, 494, "stopped"))
        self.assertEqual(len(self.rooms()), 6)
        results = self.results()
        self.assertEqual(sorted(r["index"] for r in results), list(range(500)))
        self.assertEqual(sum(r["outcome"] == "stopped" for r in results), 494)

    def test_refused_credentials_stop_it(self):
        path = self.manifest([room(n) for n in range(500)])
        result = self.roomctl("--json", "apply", path, "--max-in-flight", "1",
                              env={"WATCHERS_API_KEY": "sandbox", "WATCHERS_BEARER_TOKEN": "canary"})
        told = lines_of(self.exits(result, 3).stdout)[-1]
        self.assertEqual((told["failed"], told["stopped"], told["stopped_by"]), (1, 499, "forbidden"))
        self.assertNotIn("canary", result.stdout)

    def test_process_that_is_suspended_for_longer_than_the_timeout_goes_on(self):
        # Row 83.
        self.sandbox.fault(action="delay", op="create", delay_ms=20, times=0)
        running = self.start_apply(self.manifest([room(n) for n in range(200)]), "--timeout", "300ms",
                                   "--max-in-flight", "4", "--results", self.path("results.jsonl"))
        while self.counters()["requests"].get("create", 0) < 20:
            self.assertIsNone(running.process.poll())
        running.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, running.process.pid, os.WSTOPPED | os.WNOWAIT)
        time.sleep(0.6)  # it is the time that passes
        running.process.send_signal(signal.SIGCONT)
        running.result()
        results = self.results()
        self.assertEqual(sorted(r["index"] for r in results), list(range(200)))
        creations = self.creations()
        self.assertEqual(set(creations.values()), {1})
        done = {r["roomId"] for r in results if r["outcome"] in ["done", "confirmed"]}
        self.assertLessEqual(done, set(creations))
        self.assertGreater(len(done), 190)  # all but those that were under way

    def test_longer_outage_is_waited_out(self):
        # One room's, so that the others need not wait. A single call gives up after four attempts.
        self.sandbox.fault(action="respond", status=503, op="status", room="match-1", times=5)
        told = self.apply(0, self.manifest([room(n, status="ENDED") for n in range(3)]), "--results",
                          self.path("results.jsonl"))
        self.assertEqual((told["done"], told["retried"]), (6, 1))
        self.assertEqual(max(r["attempts"] for r in self.results()), 6)

    def test_secrets_are_told_nowhere(self):
        secrets = {"WATCHERS_API_KEY": "canary-key", "WATCHERS_BEARER_TOKEN": "canary-token"}
        told = [self.exits(self.roomctl(*flags, "apply", self.manifest([room(n) for n in range(3)]), "--journal",
                                        self.path("journal"), "--results", self.path("results.jsonl"),
                                        env=secrets), 3)
                for flags in [["--verbose"], ["--json", "--verbose"], []]]
        for name in ["journal", "results.jsonl"]:
            with open(self.path(name), "rb") as file:
                self.assertNotIn(b"canary", file.read())
        for t in told:
            self.assertNotIn("canary", t.stdout + t.stderr)


if __name__ == "__main__":
    main()
