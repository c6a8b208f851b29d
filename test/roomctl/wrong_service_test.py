# SPDX-License-Identifier: BSL-1.0
"""Tests of runs that reach something else than the Room API, and of ids that a proxy would change.

wrong_service_test.py PROGRAM [CLASS...]
"""

import json

from bulk_harness import BulkTest, lines_of, main, room

CALLS = [["get", "x"], ["create", "x", "n", "a"], ["voice", "x", "on"], ["status", "x", "LIVE"], ["delete", "x"]]


class NotTheService(BulkTest):
    """Rows 66, 67: a sign-in page, a captive portal, a host without the Room API."""

    pages = [
        {"status": 200, "body": "<!DOCTYPE html><title>Sign in</title>"},
        {"status": 200, "body": "Welcome", "headers": {"Content-Type": "text/html"}},
        {"status": 201, "body": " \n<html>done</html>"},
    ]
    strangers = [  # respond 404 or 405 to everything
        {"status": 404, "body": "<html>404 Not Found</html>"},
        {"status": 404, "body": "404 page not found"},
        {"status": 404, "body": {"message": "Cannot POST /external/room", "error": "Not Found", "statusCode": 404}},
        {"status": 405, "body": "<html>405 Not Allowed</html>"},
    ]
    silent = {"status": 404, "body": ""}

    def setUp(self):
        super().setUp()
        self.many = [room(n) for n in range(100)]

    def respond(self, response):
        self.sandbox.admin("POST", "/sandbox/reset")
        self.sandbox.fault(action="respond", times=0, **response)

    def told(self, code, *command):
        return lines_of(self.exits(self.roomctl("--json", "--no-retry", *command), code).stdout)[-1]

    def check_call(self, command, code, effect):
        told = self.told(code, *command)
        self.assertEqual((told["error"], told["effect"]), ("not_the_service", effect))
        self.assertIn(f"check base_url, {self.sandbox.base_url}", told["note"])

    def test_call_that_gets_a_web_page_changed_nothing_or_is_unknown(self):
        # Row 66.
        for page in self.pages:
            self.respond(page)
            for command in CALLS:
                with self.subTest(page=page, command=command):
                    self.check_call(command, *((4, "none") if command[0] == "get" else (5, "unknown")))

    def test_call_to_a_host_without_the_api_changed_nothing(self):
        # Row 67.
        for stranger in self.strangers:
            self.respond(stranger)
            for command in CALLS:
                with self.subTest(stranger=stranger, command=command):
                    self.check_call(command, 4, "none")

    def test_create_at_a_host_that_responds_404_without_a_body(self):
        # Row 67: a 404 to a create is not about a room.
        self.respond(self.silent)
        self.check_call(["create", "x", "n", "a"], 4, "none")
        self.assertEqual(self.told(3, "get", "x")["error"], "not_found")

    def test_create_that_gets_a_web_page_is_looked_for(self):
        # Row 66: with retries the room is looked up.
        self.sandbox.fault(action="respond", op="create", apply=True, **self.pages[0])
        result = self.exits(self.roomctl("--json", "create", "found", "n", "a"), 0)
        self.assertTrue(lines_of(result.stdout)[-1]["confirmed"])
        self.sandbox.fault(action="respond", op="create", **self.pages[0])
        self.exits(self.roomctl("create", "not-found", "n", "a"), 0)
        self.assertEqual(self.creations(), {"found": 1, "not-found": 1})

    def check_stopped(self, told, code):
        self.assertEqual((told["stopped_by"], told["exit_code"]), ("not_the_service", code))
        self.assertIn(f"check base_url, {self.sandbox.base_url}", told["stop_reason"])
        self.assertLessEqual(self.requests(), 2 + 2)
        self.assertEqual(self.rooms(), {})

    def test_runs_stop_before_they_have_sent_everything(self):
        # Rows 66, 67.
        creates = self.manifest(self.many, "creates.jsonl")
        deletes = self.manifest([{"op": "delete", "roomId": r["roomId"]} for r in self.many], "deletes.jsonl")
        few = ["--max-in-flight", "2"]
        for response in [*self.pages, *self.strangers]:
            page = response["status"] < 300
            for command, code in [(["apply", creates], 5 if page else 4), (["apply", deletes], 5 if page else 4),
                                  (["plan", creates], 4), (["plan", creates, "--recreate"], 4),
                                  (["apply", "--plan", creates], 4),
                                  (["apply", "--plan", "--recreate", "--yes", creates], 4)]:
                with self.subTest(response=response, command=command):
                    self.respond(response)
                    self.check_stopped(self.told(code, *command, *few), code)
            with self.subTest(response=response, command="export"):
                self.respond(response)
                result = self.exits(self.roomctl("--no-retry", "export", creates, *few), 4)
                self.assertEqual(result.stdout, "")
                self.assertIn("export: stopped before the end: the response does not come from the Room API; "
                              f"check base_url, {self.sandbox.base_url}", result.stderr)

    def test_plan_does_not_take_a_host_that_responds_404_to_everything_for_an_empty_service(self):
        # Row 67.
        path = self.manifest(self.many)
        self.respond(self.silent)
        told = self.told(4, "plan", path)
        self.assertEqual((told["unproven"], told["create"], told["stopped_by"]), (True, 100, None))
        self.assertIn("check --base-url", self.exits(self.roomctl("plan", path), 4).stderr)
        told = self.told(4, "apply", "--plan", path, "--max-in-flight", "2")
        self.assertEqual((told["stopped_by"], told["done"]), ("not_the_service", 0))
        self.assertLessEqual(self.counters()["requests"].get("create", 0), 2)

    def test_results_and_exit_code_tell_what_may_have_been_done(self):
        # Row 66.
        self.sandbox.fault(action="respond", op="create", room="match-1", **self.pages[0])
        path = self.manifest([room(n) for n in range(3)])
        told = self.told(5, "apply", path, "--results", self.path("results.jsonl"))
        self.assertEqual((told["done"], told["unknown"], told["stopped_by"]), (2, 1, None))
        self.assertEqual([(r["roomId"], r["error"], r["effect"]) for r in self.results() if r["error"]],
                         [("match-1", "not_the_service", "unknown")])


class EmptySegments(BulkTest):
    """Row 91: behind a proxy that merges slashes an id with empty segments would reach another room."""

    ids = ["/victim", "victim/", "a//victim", "//", "/", "\\victim", "victim\\", "a\\\\victim", "a/\\victim", "a\\/victim"]

    def setUp(self):
        super().setUp()
        self.apply(0, self.manifest([{"roomId": "victim", "name": "n", "about": "a"}], "victim.jsonl"))
        self.before = self.requests()

    def check_nothing_sent(self):
        self.assertEqual(self.requests(), self.before)
        self.assertEqual(list(self.rooms()), ["victim"])

    def test_calls_refuse_it(self):
        for room_id in self.ids:
            for command in [["get", room_id], ["create", room_id, "n", "a"], ["voice", room_id, "on"],
                            ["status", room_id, "LIVE"], ["delete", room_id]]:
                with self.subTest(command=command):
                    told = lines_of(self.exits(self.roomctl("--json", *command), 2).stdout)[-1]
                    self.assertEqual((told["error"], told["effect"]), ("invalid_argument", "none"))
                    self.assertIn("roomId", told["message"])
        self.check_nothing_sent()

    def test_manifests_are_refused_with_line_and_column(self):
        first = {"op": "delete", "roomId": "victim"}
        for room_id in self.ids:
            for before, entry in [(first, {"op": "delete", "roomId": room_id}), (first, {"op": "get", "roomId": room_id}),
                                  (first, {"op": "voice", "isSpeak": True, "roomId": room_id}),
                                  (room(1), {"roomId": room_id, "name": "n", "about": "a"})]:
                with self.subTest(entry):
                    result = self.exits(self.roomctl("--json", "apply", self.manifest([before, entry])), 2)
                    fault = lines_of(result.stdout)[0]
                    self.assertEqual((fault["error"], fault["line"], fault["field"]), ("invalid_manifest", 2, "roomId"))
                    self.assertEqual(fault["column"], json.dumps(entry).index(json.dumps(room_id)) + 1)
        self.check_nothing_sent()

    def test_table_is_refused_with_line_and_column(self):
        path = self.manifest("name,about,roomId\nn,a,victim-2\nn,a,/victim\n", "rooms.csv")
        for command in [["apply", path], ["plan", path], ["apply", "--plan", path], ["apply", "--dry-run", path]]:
            with self.subTest(command):
                result = self.exits(self.roomctl(*command), 2)
                self.assertIn("rooms.csv: line 3, column 5: roomId: ", result.stderr)
                self.assertIn("nothing was sent", result.stderr)
        self.check_nothing_sent()

    def test_list_of_ids_is_refused(self):
        for arguments, text in [(["victim", "/victim"], None), (["-"], "victim\nvictim/\n")]:
            with self.subTest(arguments):
                self.exits(self.roomctl("export", *arguments, input=text), 2)
        self.check_nothing_sent()

    def test_valid_entries_go_on_where_invalid_ones_may_be_left_out(self):
        path = self.manifest([{"op": "delete", "roomId": i} for i in ["/victim", "a/b"]])
        result = self.exits(self.roomctl("apply", path, "--skip-invalid"), 3)
        self.assertIn("1 entry was left out", result.stderr)
        self.assertEqual(list(self.rooms()), ["victim"])


if __name__ == "__main__":
    main()
