# SPDX-License-Identifier: BSL-1.0
"""Tests of roomctl apply when it is interrupted, killed and resumed.

resume_test.py PROGRAM [CLASS...]
"""

import fcntl
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import termios
import time

import harness
from bulk_harness import BulkTest, main, room
from harness import SANDBOX_ENVIRONMENT, clean_environment, end, read_until, run


class ResumeTest(BulkTest):
    def interrupt(self, running, which=signal.SIGINT):
        """Until it says so: two signals at once could become one."""
        running.interrupt(which)
        self.assertIn("interrupted: waiting for what is under way", running.error_line())


class Journal(ResumeTest):
    def setUp(self):
        super().setUp()
        self.journal = ["--journal", self.path("journal")]

    def test_done_work_is_not_done_again(self):
        entries = [room(n, status="ENDED") for n in range(20)]
        path = self.manifest(entries)
        self.assertEqual(self.apply(0, path, *self.journal)["done"], 40)
        before = self.requests()
        told = self.apply(0, path, *self.journal, "--results", self.path("results.jsonl"))
        self.assertEqual((told["journaled"], told["done"]), (40, 0))
        self.assertEqual(self.requests(), before)
        self.assertEqual({r["outcome"] for r in self.results()}, {"journaled"})
        self.assertEqual(sorted(r["index"] for r in self.results()), list(range(40)))

    def test_failures_are_tried_again(self):
        self.create("match-3")
        path = self.manifest([room(n, status="ENDED") for n in range(5)])
        told = self.apply(3, path, *self.journal)
        self.assertIn("--journal", told["go_on"])
        self.exits(self.roomctl("delete", "match-3"), 0)
        told = self.apply(0, path, *self.journal)
        self.assertEqual((told["done"], told["journaled"]), (2, 8))
        self.assertNotIn("go_on", told)

    def test_another_manifest_shard_or_service_is_refused(self):
        path = self.manifest([room(1)])
        self.apply(0, path, *self.journal)
        other = self.manifest([room(2)], "other.jsonl")
        before = self.requests()
        for arguments in [[other], [path, "--shard", "0/2"], [path, "--skip-invalid"]]:
            with self.subTest(arguments):
                line = self.error_line(self.exits(self.roomctl("apply", *arguments, *self.journal), 1))
                self.assertIn(self.path("journal"), line)
        url = self.sandbox.base_url.replace("127.0.0.1", "localhost")
        result = run("--base-url", url, "--ca", self.sandbox.ca, "apply", path, *self.journal,
                     env=SANDBOX_ENVIRONMENT)
        self.assertIn("--shard, service or project", self.error_line(self.exits(result, 1)))
        self.assertEqual(self.requests(), before)

    def test_another_project_is_refused(self):
        # The service tells projects apart by the API key alone.
        self.own_sandbox()
        path = self.manifest([room(n) for n in range(3)])
        self.apply(0, path, *self.journal)
        other = self.another_project()
        line = self.error_line(self.exits(other("apply", path, *self.journal), 1))
        self.assertIn("is of another manifest, --shard, service or project (the API key tells which), "
                      "or the API key was changed since", line)
        self.assertNotIn("71b2", line)
        self.exits(other("get", "match-1"), 3)
        self.exits(other("apply", path, "--journal", self.path("other-journal")), 0)
        self.exits(other("get", "match-1"), 0)

    def test_service_may_be_written_in_another_way(self):
        path = self.manifest([room(1)])
        port = self.sandbox.base_url.rpartition(":")[2]
        for n, url in enumerate([f"https://localhost:{port}", f"https://LOCALHOST:{port}/"]):
            result = run("--json", "--base-url", url, "--ca", self.sandbox.ca, "apply", path, *self.journal,
                         env=SANDBOX_ENVIRONMENT)
            self.assertEqual(self.json_line(self.exits(result, 0))["journaled"], n)

    def test_results_of_a_resumed_run_follow_those_of_the_run_before(self):
        path = self.manifest([room(n) for n in range(4)])
        results = self.path("results.jsonl")
        self.create("match-2")
        self.apply(3, path, *self.journal, "--results", results)
        first = self.results()
        with open(results, "a", encoding="utf-8") as file:
            file.write('{"index":3,"line":4,')  # as a run that was killed leaves it
        self.exits(self.roomctl("delete", "match-2"), 0)
        self.apply(0, path, *self.journal, "--results", results)
        lines = self.results()
        self.assertEqual(lines[:4], first)
        self.assertEqual({r["index"]: r["outcome"] for r in lines[4:]},
                         {0: "journaled", 1: "journaled", 2: "done", 3: "journaled"})
        self.assertEqual(len(lines), 8)

        self.apply(3, path, "--results", results)  # without a journal there is nothing to follow
        self.assertEqual(len(self.results()), 4)

    def test_damage_is_refused(self):
        path = self.manifest([room(1)])
        self.apply(0, path, *self.journal)
        with open(self.path("journal"), "r+b") as file:
            file.seek(10)
            file.write(b"\xff\xff")
        self.error_line(self.exits(self.roomctl("apply", path, *self.journal), 1))

    def test_two_runs_cannot_use_one_journal(self):
        path = self.manifest([room(n) for n in range(3)])
        results = ["--results", self.path("results.jsonl")]
        running = self.stalled_apply("match-1", path, *self.journal, *results)
        line = self.error_line(self.exits(self.roomctl("apply", path, *self.journal, *results), 1))
        self.assertIn(self.path("journal"), line)
        self.interrupt(running)
        running.interrupt()
        self.exits(running.result(), 5)

    def test_killed_runs_are_resumed(self):
        # Without confirmation by the journal, a create that was killed would conflict.
        generator = random.Random(4)
        entries = [room(n, status="ENDED") for n in range(2000)]
        path = self.manifest(entries)
        results = ["--results", self.path("results.jsonl")]
        for kill in range(6):
            # All that are under way get no answer: it is at a standstill when it is killed.
            self.sandbox.fault(action="stall", nth=generator.randrange(50, 550), times=8, apply=kill % 2 == 0)
            before = self.counters()["faults_fired"]
            running = self.start_apply("--json", path, *self.journal, *results, "--max-in-flight", "8")
            while self.counters()["faults_fired"] < before + 8:
                self.assertIsNone(running.process.poll())
            running.process.kill()
            self.assertEqual(running.result().returncode, -signal.SIGKILL)
        self.forget_results()
        told = self.apply(0, path, *self.journal, *results)
        self.assertEqual(told["operations"], 4000)
        self.assertGreater(told["journaled"], 0)
        self.assert_applied(entries)
        self.assertEqual(self.creations(), {e["roomId"]: 1 for e in entries})
        lines = self.results()
        self.assertEqual(sorted(r["index"] for r in lines), list(range(4000)))
        self.assertEqual({r["effect"] for r in lines}, {"applied"})
        for outcome in ["done", "confirmed", "journaled"]:
            self.assertEqual(sum(r["outcome"] == outcome for r in lines), told[outcome])


class Interruption(ResumeTest):
    def test_interruption_lets_what_is_under_way_end(self):
        path = self.manifest([room(n) for n in range(200)])
        journal = ["--journal", self.path("journal")]
        # Nothing else goes on before its answer.
        self.sandbox.fault(action="delay", op="create", room="match-100", delay_ms=4000)
        before = self.counters()["faults_fired"]
        running = self.start_apply(path, *journal, "--max-in-flight", "1")
        while self.counters()["faults_fired"] == before:
            self.assertIsNone(running.process.poll())
        self.interrupt(running)
        result = self.exits(running.result(), 4)
        self.assertRegex(result.stderr, r"to go on: .* apply .*--journal " + re.escape(self.path("journal")))
        self.assertRegex(result.stdout, r"not begun")
        self.assertNotRegex(result.stdout, r"unknown")
        self.assertIn("match-100", self.rooms())
        self.assertEqual(len(self.rooms()), 101)

        command = re.search(r"(?m)^roomctl: to go on: (.*)$", result.stderr).group(1)
        resumed = subprocess.run(["bash", "-c", command], env=clean_environment(**SANDBOX_ENVIRONMENT),
                                 capture_output=True, text=True, timeout=harness.LIMIT, check=False)
        self.exits(resumed, 0)
        self.assertEqual(self.creations(), {f"match-{n}": 1 for n in range(200)})

    def test_second_interruption_cancels_what_is_under_way(self):
        for which in [signal.SIGINT, signal.SIGTERM]:
            self.sandbox.admin("POST", "/sandbox/reset")
            path = self.manifest([room(n) for n in range(100)])
            results = self.path("results.jsonl")
            running = self.stalled_apply("match-3", path, "--results", results, "--max-in-flight", "1")
            self.interrupt(running, which)
            running.interrupt(which)
            result = self.exits(running.result(), 5)
            self.assertIn("interrupted again: what is under way is cancelled", result.stderr)
            self.assertIn("stopped before the end: interrupted", result.stderr)
            self.assertIn("1 operation may have been carried out or not", result.stderr)
            # Without a journal, a look at the rooms tells what is left to do.
            self.assertRegex(result.stderr, r"to go on: .* --plan\n")
            lines = self.results()
            self.assertEqual(sorted(r["index"] for r in lines), list(range(100)))
            self.assertEqual([r["roomId"] for r in lines if r["outcome"] == "unknown"], ["match-3"])
            done = {r["roomId"] for r in lines if r["outcome"] == "done"}
            self.assertEqual(set(self.rooms()), done)

    def test_what_takes_too_long_after_an_interruption_is_cancelled(self):
        for which, ignored in [(signal.SIGINT, []), (signal.SIGHUP, []), (signal.SIGTERM, [signal.SIGINT])]:
            with self.subTest(which):
                self.sandbox.admin("POST", "/sandbox/reset")
                path = self.manifest([room(n) for n in range(10)])
                running = self.stalled_apply("match-3", path, "--max-in-flight", "1", "--grace", "200ms",
                                             preexec_fn=lambda: [signal.signal(s, signal.SIG_IGN) for s in ignored])
                for each in ignored:  # nohup, and shells without job control, start programs so
                    running.interrupt(each)
                self.interrupt(running, which)
                result = self.exits(running.result(), 5)
                self.assertIn("what is under way takes too long, and is cancelled", result.stderr)
                self.assertNotIn("interrupted again", result.stderr)
                self.assertIn("1 operation may have been carried out or not", result.stderr)

    def deliver(self, process, which):
        """Returns when the process has taken it: two signals at once could become one."""
        process.send_signal(which)
        pending = "1"
        while process.poll() is None and pending.strip("0"):
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                pending = re.search(r"(?m)^ShdPnd:\s*(\w+)$", status.read()).group(1)

    @staticmethod
    def wait_until_full(pipe):
        """A pipe holds a number of pieces, however short they are: its bytes do not tell."""
        number = pipe if isinstance(pipe, int) else pipe.fileno()
        writer = os.open(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_NONBLOCK)
        try:
            end_of_wait = time.monotonic() + harness.LIMIT
            while select.select([], [writer], [], 0)[1]:
                if time.monotonic() > end_of_wait:
                    raise AssertionError("the pipe does not fill")
        finally:
            os.close(writer)

    def test_third_signal_ends_a_program_that_waits_for_its_reader(self):
        path = self.manifest([room(n) for n in range(1500)])
        self.apply(0, path)
        running = harness.Running(*self.sandbox.arguments(), "export", path)
        self.addCleanup(end, running.process)
        self.wait_until_full(running.process.stdout)
        for _ in range(3):
            self.assertIsNone(running.process.poll())
            self.deliver(running.process, signal.SIGTERM)
        self.assertEqual(running.process.wait(harness.LIMIT), -signal.SIGTERM)

    def test_second_signal_ends_the_wait_for_a_reader_of_the_results(self):
        os.mkfifo(self.path("fifo"))
        reader = os.open(self.path("fifo"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        running = self.start_apply(self.manifest([room(n) for n in range(1500)]), "--results", self.path("fifo"))
        self.wait_until_full(reader)
        for _ in range(2):
            self.assertIsNone(running.process.poll())
            self.deliver(running.process, signal.SIGINT)
        result = running.result()
        self.assertIn(result.returncode, [1, 5])
        self.assertIn("not everything could be written", result.stderr)

    def test_unknown_outcomes_of_an_earlier_run_stay_unknown_until_they_are_looked_at(self):
        path = self.manifest([room(n) for n in range(50)])
        arguments = [path, "--journal", self.path("journal"), "--results", self.path("results.jsonl"),
                     "--max-in-flight", "1"]
        running = self.stalled_apply("match-3", *arguments)
        running.process.kill()
        running.result()
        self.forget_results()
        # The next run is held up by its look at match-3, and ended there.
        self.sandbox.fault(action="stall", op="get", room="match-3")
        before = self.counters()["faults_fired"]
        running = self.start_apply(*arguments)
        while self.counters()["faults_fired"] == before:
            self.assertIsNone(running.process.poll())
        self.interrupt(running)
        running.interrupt()
        self.exits(running.result(), 5)
        unknown = [r["roomId"] for r in self.results() if r["outcome"] == "unknown"]
        self.assertIn("match-3", unknown)
        self.exits(self.roomctl("apply", *arguments), 0)
        self.assertEqual(len(self.rooms()), 50)


class Progress(BulkTest):
    def shown_on_a_terminal(self, *args):
        """What standard error shows during an apply."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        process = subprocess.Popen([*harness.PROGRAM, *self.sandbox.arguments(), "apply", *args],
                                   stdout=subprocess.PIPE, stderr=theirs,
                                   env=clean_environment(TERM="xterm", **SANDBOX_ENVIRONMENT))
        self.addCleanup(end, process)
        os.close(theirs)
        shown = read_until(ours, b"\0").decode()
        os.close(ours)
        process.communicate(timeout=harness.LIMIT)
        self.assertEqual(process.returncode, 0)
        return shown

    def test_progress_is_shown_on_a_terminal_and_taken_away(self):
        shown = self.shown_on_a_terminal(self.manifest([room(n) for n in range(300)]), "--rate", "200")
        self.assertIn("/300", shown)
        self.assertRegex(shown, r"\d:\d\d left")
        self.assertTrue(shown.endswith("\r\x1b[K"))
        for line in shown.split("\r"):
            self.assertLessEqual(len(line.removeprefix("\x1b[K")), 80)

    def test_throttling_is_shown(self):
        self.sandbox.fault(action="respond", status=429, op="create", room="match-1", headers={"Retry-After": "1"})
        shown = self.shown_on_a_terminal(self.manifest([room(n) for n in range(20)]))
        self.assertIn("throttled (1 x 429)", shown)

    def test_standstill_is_explained(self):
        self.sandbox.fault(action="respond", status=503, op="status", room="match-1", headers={"Retry-After": "3"})
        shown = self.shown_on_a_terminal(self.manifest([room(1, status="ENDED")]))
        self.assertIn("trying again: ", shown)

    def test_lines_are_written_where_there_is_no_terminal(self):
        self.sandbox.fault(action="delay", delay_ms=6000)
        result = self.exits(self.roomctl("apply", self.manifest([room(1)])), 0)
        self.assertRegex(result.stderr, r"^roomctl: apply: 0/1  0/s.*\n$")


if __name__ == "__main__":
    main()
