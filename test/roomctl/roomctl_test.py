# SPDX-License-Identifier: BSL-1.0
"""Tests of roomctl as its users meet it: arguments, exit codes, output, signals.

roomctl_test.py PROGRAM [CLASS...]
"""

import datetime
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

import harness
from harness import SANDBOX_ENVIRONMENT, RoomctlTest, SandboxTest, clean_environment, end, read_until, run

COMMANDS = ["create", "get", "voice", "status", "delete", "apply", "plan", "export", "sandbox", "demo"]


class Usage(RoomctlTest):
    def test_help_names_every_command_and_exit_code(self):
        result = self.exits(run("--help"), 0)
        self.assertEqual(result.stderr, "")
        for text in [*COMMANDS, "--timeout", "--base-url", "--region", "--ca", "--credentials", "--json",
                     "--verbose", "--iso-times", "Exit codes:", "outcome unknown", "Examples:"]:
            self.assertIn(text, result.stdout)

    def test_help_of_each_command_has_an_example(self):
        for command in COMMANDS:
            with self.subTest(command):
                result = self.exits(run(command, "--help"), 0)
                self.assertIn(f"Examples:\n  roomctl {command}", result.stdout)

    def test_help_fits_a_terminal(self):
        for command in [[], *[[c] for c in COMMANDS]]:
            for line in run(*command, "--help").stdout.splitlines():
                self.assertLessEqual(len(line), 110, line)

    def test_version_is_told(self):
        self.assertRegex(self.exits(run("--version"), 0).stdout, r"^roomctl \d+\.\d+\.\d+\n$")

    def test_wrong_arguments_are_usage_errors(self):
        cases = [
            [],
            ["fly"],
            ["get"],
            ["get", "a", "b"],
            ["get", "a", "--fly"],
            ["create", "a", "b"],
            ["voice", "a", "maybe"],
            ["status", "a", "OPEN"],
            ["--region", "moon", "get", "a"],
            ["--region", "asia", "--base-url", "https://localhost", "get", "a"],
            ["--timeout", "5", "get", "a"],
            ["--timeout", "0s", "get", "a"],
            ["--timeout", "-1s", "get", "a"],
            ["--timeout", "soon", "get", "a"],
            ["--timeout", "", "get", "a"],
            ["create", "a", "b", "c", "--starts-at", "tomorrow"],
            ["create", "a", "b", "c", "--starts-at", "2026-02-30 20:00"],
            ["create", "a", "b", "c", "--starts-at", "2026-12-31 24:00"],
            ["create", "a", "b", "c", "--starts-at", "2026-12-31T20:00:00+2:00"],
            ["create", "a", "b", "c", "--ends-at", "2026-12-31"],
            ["sandbox", "--port", "65536"],
            ["sandbox", "--address", "localhost"],
            ["sandbox", "--base-url", "https://localhost"],
            ["demo", "--rooms", "0"],
            ["demo", "--concurrency", "0"],
            ["demo", "--credentials", "x"],
        ]
        for arguments in cases:
            with self.subTest(arguments):
                self.error_line(self.exits(run(*arguments, env=SANDBOX_ENVIRONMENT), 2))

    def test_unknown_command_is_named(self):
        self.assertIn("gte", self.error_line(self.exits(run("gte", "a"), 2)))

    def test_usage_error_is_json_when_json_is_wanted(self):
        for arguments in [["get", "--json"], ["--json", "fly"], ["--json", "--timeout", "x", "get", "a"]]:
            with self.subTest(arguments):
                told = self.json_line(self.exits(run(*arguments), 2))
                self.assertEqual(told["error"], "usage")
                self.assertEqual(told["effect"], "none")
                self.assertIsNone(told["http_status"])
                self.assertTrue(told["message"])

    def test_usage_error_escapes_what_it_repeats(self):
        result = self.exits(run("get", "a", "--\x1b[31mred"), 2)
        self.assertNotIn("\x1b", self.error_line(result))

    def test_settings_the_client_cannot_take_are_usage_errors(self):
        cases = [
            ["--base-url", "http://chat.example"],
            ["--base-url", "https://user@chat.example"],
            ["--base-url", "chat.example"],
            ["--ca", "/no/such/file.pem"],
        ]
        for arguments in cases:
            with self.subTest(arguments):
                self.error_line(self.exits(run(*arguments, "get", "a", env=SANDBOX_ENVIRONMENT), 2))

    def test_certificates_are_read_from_a_regular_file_only(self):
        # Row 93: nobody writes to the FIFO, and no signal would end the wait for it.
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        fifo = os.path.join(folder.name, "fifo")
        os.mkfifo(fifo)
        manifest = self.write_file('{"op":"get","roomId":"a"}\n')
        rooms = self.write_file('{"roomId":"a","name":"n","about":"a"}\n')
        for ca in [fifo, folder.name, "/dev/null"]:
            for command in [["get", "a"], ["apply", manifest], ["apply", "--plan", rooms], ["plan", rooms], ["export", "a"]]:
                with self.subTest(ca=ca, command=command):
                    result = run("--base-url", "https://127.0.0.1:1", "--ca", ca, *command, env=SANDBOX_ENVIRONMENT)
                    self.assertIn(f"--ca {ca}: is not a regular file", self.error_line(self.exits(result, 2)))

    def test_impossible_room_is_a_usage_error(self):
        cases = [
            ["get", ""],
            ["get", ".."],
            ["delete", "."],
            ["get", "a" * 1025],
            ["create", "a", "b", "c", "--starts-at", "2026-12-31 20:00", "--ends-at", "2026-12-31 19:00"],
        ]
        for arguments in cases:
            with self.subTest(arguments):
                line = self.error_line(self.exits(run(*arguments, env=SANDBOX_ENVIRONMENT), 2))
                self.assertNotIn("unknown", line)

    def test_lost_output_is_a_failure(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            result = subprocess.run([*harness.PROGRAM, "--help"], stdout=full, stderr=subprocess.PIPE,
                                    text=True, check=False)
        self.exits(result, 1)
        self.assertIn("standard output", result.stderr)


class Operations(SandboxTest):
    def test_room_lives_its_whole_life(self):
        created = self.create("life", "--voice").stdout
        self.assertIn("Created.", created)
        self.assertRegex(created, r"(?m)^room +life$")
        self.assertRegex(created, r"(?m)^voice +on$")
        shown = self.exits(self.roomctl("get", "life"), 0)
        self.assertRegex(shown.stdout, r"(?m)^name +Final$")
        self.assertRegex(shown.stdout, r"(?m)^about +Kick-off at 20:00$")
        self.assertRegex(shown.stdout, r"(?m)^status +LIVE$")
        self.assertEqual(shown.stderr, "")
        voice = self.exits(self.roomctl("voice", "life", "off"), 0)
        self.assertRegex(voice.stdout, r"(?m)^voice +off$")
        for status in ["DISABLED", "ENDED", "SOON", "LIVE"]:
            changed = self.exits(self.roomctl("status", "life", status), 0)
            self.assertRegex(changed.stdout, rf"(?m)^status +{status}$")
        self.assertEqual(self.exits(self.roomctl("delete", "life"), 0).stdout, "Deleted life.\n")
        self.exits(self.roomctl("get", "life"), 3)

    def test_status_is_taken_in_any_case(self):
        self.create("lower-case")
        changed = self.exits(self.roomctl("status", "lower-case", "ended"), 0)
        self.assertRegex(changed.stdout, r"(?m)^status +ENDED$")

    def test_every_member_of_a_room_is_sent(self):
        self.create("whole", "--voice", "--starts-at", "2126-12-31 20:00", "--ends-at", "2126-12-31 23:00:30",
                    "--pic", "https://a.example/p.png", "--stream-url", "https://a.example/s",
                    "--source-url", "https://a.example/v", "--stream-starts-at", "2126-12-31T21:00+01:00",
                    "--stream-ends-at", "2126-12-31T22:00:00Z")
        room = self.json_line(self.exits(self.roomctl("--json", "get", "whole"), 0))["room"]
        self.assertIsInstance(room.pop("id"), int)
        self.assertEqual(room.pop("externalRoomId"), "whole")
        for time in ["createdAt", "updatedAt"]:
            self.assertRegex(room.pop(time), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(room, {
            "roomId": "whole", "name": "Final", "about": "Kick-off at 20:00", "isSpeak": True,
            "status": "SOON", "startTime": "2126-12-31T20:00:00.000Z", "endTime": "2126-12-31T23:00:30.000Z",
            "pic": "https://a.example/p.png", "streamUrl": "https://a.example/s",
            "sourceUrl": "https://a.example/v", "streamStartTime": "2126-12-31T20:00:00.000Z",
            "streamEndTime": "2126-12-31T22:00:00.000Z"})
        shown = self.exits(self.roomctl("get", "whole"), 0).stdout
        self.assertRegex(shown, r"(?m)^starts +2126-12-31 20:00:00 UTC$")

    def test_times_are_cut_to_the_second_unless_iso(self):
        self.create("cut", "--starts-at", "2126-12-31 20:00:00.250")
        self.create("iso", "--starts-at", "2126-12-31 20:00:00.250", "--iso-times")
        for room_id, time in [("cut", "2126-12-31T20:00:00.000Z"), ("iso", "2126-12-31T20:00:00.250Z")]:
            told = self.json_line(self.exits(self.roomctl("--json", "get", room_id), 0))
            self.assertEqual(told["room"]["startTime"], time)

    def test_time_from_now_is_taken(self):
        before = datetime.datetime.now(datetime.timezone.utc)
        self.create("from-now", "--starts-at", "+1.5h")
        after = datetime.datetime.now(datetime.timezone.utc)
        told = self.json_line(self.exits(self.roomctl("--json", "get", "from-now"), 0))["room"]
        start = datetime.datetime.strptime(told["startTime"], "%Y-%m-%dT%H:%M:%S.%f%z")
        ahead = datetime.timedelta(hours=1.5)
        self.assertLessEqual(before + ahead - datetime.timedelta(seconds=1), start)
        self.assertLessEqual(start, after + ahead)
        self.assertEqual(told["status"], "SOON")

    def test_ids_of_any_kind_come_through(self):
        for room_id in ["get", "create", "with space", "a/b?c#d%", "\u00fcn\u00ef", "-dash", "--json", "[a]", "[a,b]", "[]", "{}",
                        "%%", "'", '"a"']:
            with self.subTest(room_id):
                self.exits(self.roomctl("create", "--", room_id, "get", "-"), 0)
                told = self.json_line(self.exits(self.roomctl("--json", "get", "--", room_id), 0))
                self.assertEqual(told["room"]["roomId"], room_id)
                self.assertEqual(told["room"]["about"], "-")

    def test_options_may_stand_behind_the_command(self):
        self.create("behind")
        result = run("get", "behind", *self.sandbox.arguments(), "--json", "--timeout", "20s",
                     env=SANDBOX_ENVIRONMENT)
        self.assertEqual(self.json_line(self.exits(result, 0))["room"]["roomId"], "behind")

    def test_texts_of_any_kind_come_through(self):
        for text in ["[a]", "[a,b]", "{}", "%%", "a,b", "'", '"a"', "x=y"]:
            with self.subTest(text):
                room_id = "text-" + text.encode().hex()
                self.exits(self.roomctl("create", room_id, text, text, "--pic", text), 0)
                told = self.json_line(self.exits(self.roomctl("--json", "get", room_id), 0))["room"]
                self.assertEqual([told["name"], told["about"], told["pic"]], [text, text, text])

    def test_argument_in_brackets_is_repeated_as_given(self):
        line = self.error_line(self.exits(self.roomctl("get", "a", "[b]"), 2))
        self.assertIn(": [b];", line)
        self.assertNotIn("x1f", line)

    def test_credentials_file_is_sent(self):
        path = self.write_file("WATCHERS_API_KEY=sandbox\nWATCHERS_BEARER_TOKEN=sandbox\n")
        self.create("by-file")
        self.exits(self.roomctl("get", "by-file", "--credentials", path, env={}), 0)


class Output(SandboxTest):
    def test_success_is_one_json_object(self):
        made = self.json_line(self.exits(self.roomctl("--json", "create", "one", "n", "a"), 0))
        self.assertEqual((made["command"], made["room_id"], made["effect"], made["http_status"]),
                         ("create", "one", "applied", 201))
        got = self.json_line(self.exits(self.roomctl("--json", "get", "one"), 0))
        self.assertEqual((got["command"], got["effect"], got["http_status"]), ("get", "none", 200))
        gone = self.json_line(self.exits(self.roomctl("--json", "delete", "one"), 0))
        self.assertEqual(gone, {"command": "delete", "room_id": "one", "effect": "applied",
                                "http_status": 200})

    def test_members_unknown_to_the_tool_are_kept(self):
        self.sandbox.fault(action="respond", op="get", room="extra", status=200,
                           body={"roomId": "extra", "isSpeak": "1", "startTime": "2126-12-31 20:00:00",
                                 "members": {"online": 7}})
        told = self.json_line(self.exits(self.roomctl("--json", "get", "extra"), 0))
        self.assertEqual(told["room"], {"roomId": "extra", "isSpeak": True,
                                        "startTime": "2126-12-31T20:00:00.000Z", "members": {"online": 7}})

    def test_text_of_rooms_is_escaped(self):
        about = "two\nlines \x1b[31mred\x1b[0m \u009b31m \u202eback \\n \u00fc \U0001f600"
        self.exits(self.roomctl("create", "odd", "na\tme", about), 0)
        shown = self.exits(self.roomctl("get", "odd"), 0).stdout
        self.assertIn("two\\nlines \\x1b[31mred\\x1b[0m \\u009b31m \\u202eback \\\\n \u00fc \U0001f600\n", shown)
        self.assertIn("na\\tme\n", shown)
        result = self.exits(self.roomctl("--json", "get", "odd"), 0)
        for c in "\x1b\u009b\u202e":
            self.assertNotIn(c, result.stdout)
        self.assertEqual(self.json_line(result)["room"]["about"], about)

    def test_room_ids_are_escaped_in_messages(self):
        odd = "id-\u202etxt.\u00ad\u200b\u2066x\u2060\ufff9"
        self.exits(self.roomctl("create", "--", odd, "n", "a"), 0)
        for arguments, code in [(["get", odd], 0), (["delete", odd], 0), (["get", odd], 3)]:
            with self.subTest(arguments):
                result = self.exits(self.roomctl(*arguments), code)
                told = result.stdout + result.stderr
                self.assertIn("id-\\u202etxt.\\u00ad\\u200b\\u2066x\\u2060\\ufff9", told)
                self.assertTrue(told.isascii(), told)

    def test_text_of_the_service_is_escaped(self):
        self.sandbox.fault(action="respond", op="get", room="evil", status=400,
                           body={"message": "\x1b]0;title\x07 and\r\nmore"})
        line = self.error_line(self.exits(self.roomctl("get", "evil"), 3))
        self.assertNotRegex(line, r"[\x00-\x1f\x7f]")

    def test_verbose_tells_attempts_on_standard_error(self):
        self.create("verbose")
        result = self.exits(self.roomctl("-v", "--json", "get", "verbose"), 0)
        json.loads(self.one_line(result.stdout))
        self.assertIn("attempt 1: new connection", result.stderr)
        for text in ["connect ", "handshake ", "wait ", "HTTP 200", "done after", "effect none"]:
            self.assertIn(text, result.stderr)

    def test_colours_are_for_terminals_only(self):
        self.create("colour")
        self.assertNotIn("\x1b", self.roomctl("get", "colour").stdout)
        for env, coloured in [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False),
                              ({"TERM": "dumb"}, False)]:
            with self.subTest(env):
                ours, theirs = pty.openpty()
                process = subprocess.Popen(
                    [*harness.PROGRAM, *self.sandbox.arguments(), "get", "colour"], stdout=theirs,
                    env=dict(clean_environment(**SANDBOX_ENVIRONMENT), NO_COLOR="") | env)
                self.addCleanup(end, process)
                os.close(theirs)
                text = read_until(ours, b"about")
                read_until(ours, b"\0")
                os.close(ours)
                self.assertEqual(process.wait(harness.LIMIT), 0)
                self.assertEqual(b"\x1b[" in text, coloured)


class Errors(SandboxTest):
    def test_refusals_exit_with_3(self):
        self.create("exists")
        cases = [
            (["create", "exists", "n", "a"], "conflict", 409),
            (["get", "missing"], "not_found", 404),
            (["voice", "missing", "on"], "not_found", 404),
            (["status", "missing", "LIVE"], "not_found", 404),
            (["delete", "missing"], "not_found", 404),
        ]
        for arguments, error, status in cases:
            with self.subTest(arguments):
                told = self.json_line(self.exits(self.roomctl("--json", *arguments), 3))
                self.assertEqual((told["error"], told["effect"], told["http_status"], told["exit_code"]),
                                 (error, "none", status, 3))
                self.assertTrue(told["message"])
                line = self.error_line(self.exits(self.roomctl(*arguments), 3))
                self.assertIn(f"(HTTP {status})", line)

    def test_wrong_credentials_exit_with_3(self):
        # Rows 62 and 63.
        plain = self.start_sandbox("--dialect", "plain")
        for sandbox, of_key, of_token in [(self.sandbox, "unknown_project", "forbidden"),
                                          (plain, "forbidden", "unauthorized")]:
            for key, token, error in [("canary", "sandbox", of_key), ("sandbox", "canary", of_token)]:
                with self.subTest(error):
                    env = {"WATCHERS_API_KEY": key, "WATCHERS_BEARER_TOKEN": token}
                    result = self.exits(run(*sandbox.arguments(), "--json", "get", "x", env=env), 3)
                    self.assertEqual(self.json_line(result)["error"], error)
                    self.assertNotIn("canary", result.stdout)

    def test_asked_wait_is_told(self):
        self.sandbox.fault(action="respond", op="get", room="busy", status=429, headers={"Retry-After": "7"})
        told = self.json_line(self.exits(self.roomctl("--json", "--timeout", "5s", "get", "busy"), 3))
        self.assertEqual((told["error"], told["retry_after_s"]), ("rate_limited", 7))

    def test_passing_failure_is_tried_again(self):
        self.exits(self.roomctl("create", "again", "n", "a"), 0)
        self.sandbox.fault(action="respond", op="get", room="again", status=503, times=2)
        result = self.exits(self.roomctl("--verbose", "get", "again"), 0)
        self.assertEqual(result.stderr.count("tries again"), 2)
        self.sandbox.fault(action="respond", op="get", room="again", status=503)
        self.exits(self.roomctl("--no-retry", "get", "again"), 3)

    def test_lost_create_is_confirmed(self):
        self.sandbox.fault(action="drop_after", op="create", room="found")
        told = self.json_line(self.exits(self.roomctl("--json", "create", "found", "n", "a"), 0))
        self.assertEqual((told["effect"], told["confirmed"], told["room"]["name"]), ("applied", True, "n"))
        self.sandbox.fault(action="drop_after", op="create", room="found-2")
        result = self.exits(self.roomctl("-v", "create", "found-2", "n", "a"), 0)
        self.assertIn("Confirmed.", result.stdout)
        self.assertIn("the answer to the create was lost", result.stderr)
        self.assertIn("looks for the room", result.stderr)

    def test_nobody_there_exits_with_4(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"https://127.0.0.1:{closed.getsockname()[1]}"
            told = self.json_line(self.exits(
                run("--json", "--base-url", url, "create", "x", "n", "a", env=SANDBOX_ENVIRONMENT), 4))
        self.assertEqual((told["error"], told["effect"], told["http_status"]), ("connect_failed", "none", None))

    def test_untrusted_server_exits_with_4(self):
        result = run("--json", "--base-url", self.sandbox.base_url, "get", "x", env=SANDBOX_ENVIRONMENT)
        self.assertEqual(self.json_line(self.exits(result, 4))["error"], "tls_untrusted")

    def test_lost_answer_of_a_change_exits_with_5(self):
        self.sandbox.fault(action="drop_after", op="create", room="lost")
        line = self.error_line(self.exits(self.roomctl("--no-retry", "create", "lost", "n", "a"), 5))
        self.assertIn("unknown", line)
        self.assertIn("roomctl get", line)
        self.exits(self.roomctl("get", "lost"), 0)

        self.sandbox.fault(action="drop_before", op="create", room="lost-2")
        told = self.json_line(self.exits(self.roomctl("--no-retry", "--json", "create", "lost-2", "n", "a"), 5))
        self.assertEqual((told["effect"], told["exit_code"]), ("unknown", 5))

    def test_lost_answer_of_a_get_exits_with_4(self):
        self.sandbox.fault(action="drop_after", op="get", room="lost-get", times=0)
        line = self.error_line(self.exits(self.roomctl("get", "lost-get"), 4))
        self.assertNotIn("unknown", line)

    def test_timeout_bounds_the_call(self):
        self.sandbox.fault(action="stall", room="slow", times=0)
        told = self.json_line(self.exits(self.roomctl("--json", "--timeout", "300ms", "get", "slow"), 4))
        self.assertEqual((told["error"], told["effect"]), ("deadline_exceeded", "none"))
        told = self.json_line(self.exits(self.roomctl("--json", "--timeout", "0.3s", "delete", "slow"), 5))
        self.assertEqual((told["error"], told["effect"]), ("deadline_exceeded", "unknown"))


class Interruption(SandboxTest):
    def stalled(self, room_id, *command, **more):
        """A roomctl whose request has come to the server, which does not answer it."""
        before = self.sandbox.admin("GET", "/sandbox/counters")["faults_fired"]
        self.sandbox.fault(action="stall", room=room_id)
        running = self.start(*self.sandbox.arguments(), *command, **more)
        while self.sandbox.admin("GET", "/sandbox/counters")["faults_fired"] == before:
            self.assertIsNone(running.process.poll())
        return running

    def test_interrupted_change_is_unknown(self):
        for which in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
            running = self.stalled("cut-off", "create", "cut-off", "n", "a")
            running.interrupt(which)
            line = self.error_line(self.exits(running.result(), 5))
            self.assertIn("cancelled", line)
            self.assertIn("unknown", line)

    def test_ignored_signals_stay_ignored(self):
        running = self.stalled("cut-off", "create", "cut-off", "n", "a",
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        running.interrupt()
        running.interrupt(signal.SIGTERM)  # the first one that counts: a second one would end it
        self.error_line(self.exits(running.result(), 5))

    def test_interrupted_get_changed_nothing(self):
        running = self.stalled("cut-get", "--json", "get", "cut-get")
        running.interrupt()
        told = self.json_line(self.exits(running.result(), 4))
        self.assertEqual((told["error"], told["effect"]), ("cancelled", "none"))

    def test_interrupted_before_sending_changed_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"https://127.0.0.1:{silent.getsockname()[1]}"
            running = self.start("--json", "--base-url", url, "create", "x", "n", "a")
            peer, _ = silent.accept()
            with peer:
                self.assertTrue(peer.recv(1))  # its hello: it waits for the handshake
                running.interrupt()
                told = self.json_line(self.exits(running.result(), 4))
        self.assertEqual((told["error"], told["effect"], told["phase"]), ("cancelled", "none", "handshake"))


class Sandbox(RoomctlTest):
    def test_announced_lines_work_as_they_stand(self):
        process = subprocess.Popen([*harness.PROGRAM, "sandbox", "--port", "0"], env=clean_environment(),
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(end, process)
        text = ""
        while "Ctrl-C" not in text:
            line = process.stdout.readline()
            self.assertTrue(line, text)
            text += line
        roomctl_line = re.search(r"^  (WATCHERS_API_KEY=.*create.*)$", text, re.M).group(1)
        curl_line = re.search(r"^  (curl .*)$", text, re.M).group(1)
        ca = re.search(r"^CA +(.*)$", text, re.M).group(1)

        made = subprocess.run(["bash", "-c", roomctl_line], env=clean_environment(), capture_output=True,
                              text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        if shutil.which("curl"):
            got = subprocess.run(["bash", "-c", curl_line + " -s -f"], env=clean_environment(),
                                 capture_output=True, text=True, check=False)
            self.assertEqual(got.returncode, 0, got.stderr)
            self.assertEqual(json.loads(got.stdout)["name"], "Final")

        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=harness.LIMIT)
        self.assertEqual(process.returncode, 0)
        self.assertIn("1 room is forgotten", rest)
        self.assertFalse(os.path.exists(ca), "the temporary CA file is taken away")

    def test_ca_is_written_where_asked(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "the ca.pem")
            sandbox = self.start_sandbox("--ca-out", path)
            self.assertEqual(sandbox.ca, path)
            self.exits(run(*sandbox.arguments(), "create", "a", "b", "c", env=SANDBOX_ENVIRONMENT), 0)
            code, last = sandbox.stop()
            self.assertEqual(code, 0)
            self.assertEqual(json.loads(last)["rooms_left"], 1)
            self.assertTrue(os.path.exists(path))

    def test_credentials_file_sets_what_is_asked_for(self):
        path = self.write_file("WATCHERS_API_KEY=canary-k\nWATCHERS_BEARER_TOKEN=canary-t\n")
        sandbox = self.start_sandbox("--credentials", path)
        self.assertNotIn("canary", json.dumps(sandbox.address))
        self.exits(run(*sandbox.arguments(), "get", "a", env=SANDBOX_ENVIRONMENT), 3)
        made = run(*sandbox.arguments(), "--credentials", path, "create", "a", "b", "c")
        self.exits(made, 0)
        self.assertEqual(sandbox.stop()[0], 0)

    def test_port_in_use_is_a_failure(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            line = self.error_line(self.exits(run("sandbox", "--port", port), 1))
            self.assertIn(port, line)
            told = self.json_line(self.exits(run("--json", "sandbox", "--port", port), 1))
            self.assertEqual(told["error"], "failed")

    def test_unwritable_ca_file_is_a_failure(self):
        self.error_line(self.exits(run("sandbox", "--port", "0", "--ca-out", "/no/such/folder/ca.pem"), 1))

    def test_every_address_is_reached_by_a_name_of_the_certificate(self):
        for address in ["0.0.0.0", "127.0.0.2"]:
            sandbox = self.start_sandbox("--address", address)
            self.exits(run(*sandbox.arguments(), "get", "a", env=SANDBOX_ENVIRONMENT), 3)
            self.assertEqual(sandbox.stop()[0], 0)


class Demo(RoomctlTest):
    def test_table_tells_of_no_failure(self):
        result = self.exits(run("demo", "--rooms", "20", "--concurrency", "4"), 0)
        self.assertEqual(result.stderr, "")  # no progress where there is no terminal
        for pattern in [r"operations +120 ", r"failures +0$", r"rooms left +0$", r"connections +4$",
                        r"handshakes +\d+ full, \d+ resumed$", r"latency .* median, .* 99th percentile$",
                        r"throughput +[\d,]+ operations/s$"]:
            self.assertRegex(result.stdout, "(?m)^" + pattern)

    def test_json_has_the_same_figures(self):
        told = self.json_line(self.exits(run("demo", "--rooms", "50", "--json"), 0))
        self.assertEqual((told["operations"], told["failures"], told["rooms_left"], told["interrupted"]),
                         (300, 0, 0, False))
        self.assertLessEqual(told["connections"], 32)
        self.assertEqual(told["handshakes_full"] + told["handshakes_resumed"], told["connections"])
        self.assertLessEqual(told["median_us"], told["p99_us"])
        self.assertGreater(told["operations_per_s"], 0)

    def test_fewer_rooms_than_workers_and_one_worker_are_fine(self):
        for arguments in [["--rooms", "1"], ["--rooms", "5", "--concurrency", "1"]]:
            told = self.json_line(self.exits(run("--json", "demo", *arguments), 0))
            self.assertEqual(told["connections"], 1)

    def test_environment_has_no_say(self):
        env = {"WATCHERS_BASE_URL": "https://127.0.0.1:1", "WATCHERS_API_KEY": "x"}
        self.exits(run("demo", "--rooms", "2", env=env), 0)

    def test_failures_are_counted_and_named(self):
        # With OpenSSL held to TLS 1.1, of which the client wants nothing, no handshake succeeds.
        limit = self.write_file("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
                                "[c]\nMaxProtocol = TLSv1.1\n")
        result = self.exits(run("demo", "--rooms", "4", "--json", env={"OPENSSL_CONF": limit}), 1)
        told = self.json_line(result)
        self.assertEqual((told["operations"], told["failures"], told["rooms_left"]), (4, 4, 0))
        self.assertEqual(list(told["reasons"].values()), [4])
        shown = self.exits(run("demo", "--rooms", "4", env={"OPENSSL_CONF": limit}), 1).stdout
        self.assertRegex(shown, r"(?m)^failures +4\n +4 x create_room: ")

    def test_progress_is_shown_on_a_terminal_and_taken_away(self):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        process = subprocess.Popen([*harness.PROGRAM, "demo", "--rooms", "100"], stdout=subprocess.PIPE,
                                   stderr=theirs, env=clean_environment(TERM="xterm"))
        self.addCleanup(end, process)
        os.close(theirs)
        shown = read_until(ours, b"\0").decode()
        os.close(ours)
        process.communicate(timeout=harness.LIMIT)
        self.assertEqual(process.returncode, 0)
        self.assertIn("/600", shown)
        self.assertTrue(shown.endswith("\r\x1b[K"))
        for line in shown.split("\r"):
            self.assertLessEqual(len(line.removeprefix("\x1b[K")), 80)

    def test_interruption_ends_it_in_order(self):
        running = self.start("-v", "--json", "demo", "--rooms", "100000")
        self.assertTrue(running.process.stderr.readline())  # at work
        running.interrupt()
        result = self.exits(running.result(), 1)
        told = json.loads(result.stdout)
        self.assertEqual((told["interrupted"], told["failures"], told["rooms_left"]), (True, 0, 0))


if __name__ == "__main__":
    harness.PROGRAM[:] = [os.path.abspath(sys.argv.pop(1))]
    unittest.main()
