# SPDX-License-Identifier: BSL-1.0
"""Tests of runs that are stopped before their end: by a signal, by --timeout, by --grace.

stopped_test.py PROGRAM [CLASS...]
"""

import json
import time

import harness
from bulk_harness import BulkTest, lines_of, main, room


class Stopped(BulkTest):
    def started(self, fault, *command):
        """A run whose request has met the fault."""
        before = self.counters()["faults_fired"]
        self.sandbox.fault(**fault)
        running = self.start(*self.sandbox.arguments(), *command)
        while self.counters()["faults_fired"] == before:
            self.assertIsNone(running.process.poll())
        return running

    def wait_for_line(self, running, text):
        """Lines of progress may come before it."""
        line = running.error_line()
        while text not in line:
            self.assertTrue(line, "ended without: " + text)
            line = running.error_line()

    def interrupted_in_a_get(self, *command):
        """Every get that was sent succeeds: only the interruption itself can be told."""
        self.apply(0, self.manifest([room(n) for n in range(20)]))
        running = self.started({"action": "delay", "op": "get", "room": "match-3", "delay_ms": 2500}, *command,
                               "--max-in-flight", "1", "--grace", "60s")
        running.interrupt()
        return self.exits(running.result(), 4)

    def test_interrupted_plan_is_not_done(self):
        result = self.interrupted_in_a_get("plan", self.manifest([room(n) for n in range(20)]))
        self.assertIn("plan: stopped before the end: interrupted", result.stderr)
        self.assertIn("4 unchanged", result.stdout)

    def test_interrupted_plan_is_not_done_in_json(self):
        result = self.interrupted_in_a_get("--json", "plan", self.manifest([room(n) for n in range(20)]))
        told = lines_of(result.stdout)[-1]
        self.assertEqual((told["rooms"], told["unchanged"], told["unread"], told["exit_code"]), (4, 4, 0, 4))

    def test_interrupted_export_is_not_done(self):
        result = self.interrupted_in_a_get("export", *[f"match-{n}" for n in range(20)])
        self.assertEqual([r["roomId"] for r in lines_of(result.stdout)], [f"match-{n}" for n in range(4)])
        self.assertIn("export: stopped before the end: ", result.stderr)

    def test_interrupted_export_is_not_done_in_json(self):
        result = self.interrupted_in_a_get("--json", "export", *[f"match-{n}" for n in range(20)])
        self.assertEqual(len(lines_of(result.stdout)), 4)
        told = lines_of(result.stderr)[-1]
        self.assertEqual(told["exit_code"], 4)
        self.assertIn("stopped before the end", told["message"])

    def test_timeout_bounds_each_operation_of_a_bulk_command(self):
        """Without the option an operation has five minutes."""
        path = self.manifest([room(1)])
        cases = [("create", ["apply", path], 5), ("get", ["plan", path], 4), ("get", ["export", "match-1"], 4)]
        for operation, command, code in cases:
            with self.subTest(command):
                self.sandbox.admin("POST", "/sandbox/reset")
                self.sandbox.fault(action="stall", op=operation, times=0)
                begin = time.monotonic()
                result = self.exits(self.roomctl("--timeout", "300ms", *command), code)
                self.assertLess(time.monotonic() - begin, 30)
                self.assertIn("time", result.stdout + result.stderr)

    def test_timeout_of_bulk_commands_is_told_by_name(self):
        self.sandbox.fault(action="stall", op="create", times=0)
        self.apply(5, self.manifest([room(1)]), "--timeout", "300ms", "--results", self.path("results.jsonl"))
        self.assertEqual([(r["error"], r["outcome"]) for r in self.results()], [("deadline_exceeded", "unknown")])

    def test_grace_is_as_long_as_asked_for(self):
        path = self.manifest([room(n) for n in range(5)])
        for command in [["apply", path], ["plan", path], ["export", path]]:
            with self.subTest(command[0]):
                self.sandbox.admin("POST", "/sandbox/reset")
                operation = "create" if command[0] == "apply" else "get"
                running = self.started({"action": "stall", "op": operation}, *command, "--grace", "1s",
                                       "--max-in-flight", "1")
                running.interrupt()
                self.wait_for_line(running, "for up to 1.00 s")
                begin = time.monotonic()
                self.wait_for_line(running, "what is under way takes too long, and is cancelled")
                waited = time.monotonic() - begin
                self.assertGreater(waited, 0.5)
                self.assertLess(waited, 6)  # ten times as long would be noticed on a machine that is busy
                self.exits(running.result(), 5 if operation == "create" else 4)


class Unreachable(BulkTest):
    """Row 81: a service that is gone."""

    max_in_flight = 8
    many = [room(n) for n in range(100)]

    def setUp(self):
        """Nothing listens where a sandbox was."""
        super().setUp()
        gone = harness.RunningSandbox()
        self.base_url, self.ca = gone.base_url, self.sandbox.ca
        gone.stop()
        gone.close()

    def run_there(self, code, *args):
        result = harness.run("--base-url", self.base_url, "--ca", self.ca, "--no-retry", "--timeout", "20s", *args,
                             "--max-in-flight", str(self.max_in_flight), env=harness.SANDBOX_ENVIRONMENT)
        return self.exits(result, code)

    def check_stopped(self, told, limit=20):
        self.assertEqual(told["stopped_by"], "stopped")
        self.assertTrue(told["stop_reason"].startswith(
            f"{limit} operations in a row did not reach the service; the last one: "), told["stop_reason"])
        self.assertEqual(told["exit_code"], 4)

    def test_apply_stops_and_the_same_command_does_all_once_the_service_is_back(self):
        # Row 81.
        command = ["apply", self.manifest(self.many), "--journal", self.path("journal")]
        told = lines_of(self.run_there(4, "--json", *command).stdout)[-1]
        self.check_stopped(told)
        self.assertGreaterEqual(told["failed"], 20)
        self.assertLessEqual(told["failed"], 20 + self.max_in_flight)
        self.assertEqual((told["failed"] + told["stopped"], told["unknown"]), (100, 0))
        self.assertIn("apply", told["go_on"])

        back = harness.RunningSandbox(port=int(self.base_url.rsplit(":", 1)[1]))
        self.addCleanup(back.close)
        self.assertEqual(back.base_url, self.base_url)
        self.ca = back.ca
        told = lines_of(self.run_there(0, "--json", *command).stdout)[-1]
        self.assertEqual((told["done"], told["stopped_by"]), (100, None))
        self.assertEqual({r["roomId"] for r in back.admin("GET", "/sandbox/rooms")},
                         {e["roomId"] for e in self.many})
        self.assertEqual(set(back.admin("GET", "/sandbox/creations").values()), {1})

    def test_people_are_told_why_and_how_to_go_on(self):
        # Row 81.
        result = self.run_there(4, "apply", self.manifest(self.many), "--journal", self.path("journal"))
        self.assertRegex(result.stderr, "stopped before the end: 20 operations in a row did not reach the service; "
                                        "the last one: .*\n.*to go on: .*--journal")
        self.assertNotIn("--on-failure", result.stderr)

    def test_number_can_be_chosen(self):
        path = self.manifest(self.many)
        self.check_stopped(lines_of(self.run_there(4, "--json", "apply", path, "--stop-unreachable", "3").stdout)[-1], 3)
        told = lines_of(self.run_there(4, "--json", "apply", path, "--stop-unreachable", "0").stdout)[-1]
        self.assertEqual((told["failed"], told["stopped"], told["stopped_by"]), (100, 0, None))
        for text in ["-1", "x", "1.5", "01", "1000001"]:
            with self.subTest(text):
                self.assertIn("--stop-unreachable", self.run_there(2, "apply", path, "--stop-unreachable=" + text).stderr)

    def test_first_failure_is_told_as_such(self):
        result = self.run_there(4, "apply", self.manifest(self.many), "--on-failure", "stop")
        self.assertIn("stopped before the end: after a failure (--on-failure stop)", result.stderr)

    def test_plan_and_export_stop(self):
        # Row 81.
        path = self.manifest(self.many)
        self.check_stopped(lines_of(self.run_there(4, "--json", "plan", path).stdout)[-1])
        self.check_stopped(lines_of(self.run_there(4, "--json", "apply", "--plan", path).stdout)[-1])
        for command in [["plan", path], ["export", *[f"match-{n}" for n in range(100)]]]:
            with self.subTest(command[0]):
                self.assertIn(f"{command[0]}: stopped before the end: 20 operations in a row did not reach",
                              self.run_there(4, *command).stderr)


class Hidden(BulkTest):
    """Ids and texts with characters that a terminal obeys or does not show."""

    names = ["match-\u202e1", "match-\u20662", "match-\u061c3", "match-\U000e00414", "match-\u200b5", "match-\u00ad6",
             "match-\u180e7", "match-\u20608", "match-\u206a9", "match-\ufff910", "match-\ufeff11", "match-\u034f12", "match-\u115f13", "match-\u116014",
             "match-\u280015", "match-\u316416", "match-\uffa017", "match-\ufe0018", "match-\ufe0f19", "match-\U000e010020",
             "match-\U000e01ef21"]

    def check_shown(self, text):
        for c in text:
            self.assertTrue(c == "\n" or c.isprintable(), f"{c!r} in {text!r}")

    def test_ids_are_escaped_in_all_that_people_read(self):
        for name in self.names:
            with self.subTest(ascii(name)):
                shown = []
                for command, code in [(["get", name], 3), (["delete", name], 3), (["voice", name, "on"], 3),
                                      (["create", name, name, name], 0), (["create", name, name, name], 3),
                                      (["get", name], 0), (["status", name, "ENDED"], 0), (["delete", name], 0)]:
                    result = self.exits(self.roomctl(*command), code)
                    self.check_shown(result.stdout + result.stderr)
                    shown.append(result.stdout + result.stderr)
                self.assertTrue(all(r"\u" in s or r"\U" in s for s in shown), shown)

    def test_ids_are_escaped_in_what_bulk_commands_print(self):
        path = self.manifest([{"op": "delete", "roomId": n} for n in self.names])
        rooms = self.manifest([{"roomId": n, "name": n, "about": n} for n in self.names], "desired.jsonl")
        others = self.manifest([{"roomId": n, "name": "other", "about": n} for n in self.names], "others.jsonl")
        cases = [(["apply", path], 3), (["plan", rooms], 0), (["apply", rooms], 0), (["apply", rooms], 3),
                 (["plan", others], 3), (["plan", others, "--recreate"], 0), (["export", "--ids", *self.names], 0)]
        for command, code in cases:
            with self.subTest(command):
                result = self.exits(self.roomctl(*command), code)
                self.check_shown(result.stderr)
                self.check_shown(result.stdout)

    def test_json_and_results_are_the_same_text_to_a_parser(self):
        rooms = self.manifest([{"roomId": n, "name": n, "about": n} for n in self.names])
        self.apply(0, rooms, "--results", self.path("results.jsonl"))
        with open(self.path("results.jsonl"), encoding="utf-8") as file:
            text = file.read()
        self.check_shown(text)
        self.assertEqual({r["roomId"] for r in lines_of(text)}, set(self.names))
        for name in self.names:
            result = self.exits(self.roomctl("--json", "get", name), 0)
            self.check_shown(result.stdout)
            told = json.loads(result.stdout)["room"]
            self.assertEqual((told["roomId"], told["name"]), (name, name))


if __name__ == "__main__":
    main()
