# SPDX-License-Identifier: BSL-1.0
"""Tests of the files that roomctl writes (row 93), and of what other users get to see of it.

written_files_test.py PROGRAM [CLASS...]
"""

import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile

import harness
from bulk_harness import BulkTest, lines_of, main, room
from harness import SANDBOX_ENVIRONMENT, RoomctlTest, clean_environment, end, run

NOBODY = 65534


def as_nobody(command):
    """Without privileges, whoever runs the tests."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]


class OtherUsers(RoomctlTest):
    """Uses a copy of the program that every user can reach."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o777)
        self.folder = folder.name
        self.program = os.path.join(folder.name, "roomctl")
        shutil.copy(harness.PROGRAM[0], self.program)
        os.chmod(self.program, 0o755)

    def test_memory_is_closed_to_other_processes(self):
        """It holds the credentials. Another process of the same user cannot read it, and no dump is made."""
        reader = ("import os, subprocess, sys\n"
                  "def memory_of(*command):\n"
                  "    p = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)\n"
                  "    try:\n"
                  "        p.stdout.readline()\n"  # it is at work
                  "        open(f'/proc/{p.pid}/mem', 'rb').close()\n"
                  "        return 'open'\n"
                  "    except PermissionError:\n"
                  "        return 'refused'\n"
                  "    finally:\n"
                  "        p.kill()\n"
                  "        p.wait()\n"
                  "print(os.geteuid(), memory_of('sh', '-c', 'echo; exec sleep 60'),\n"
                  "      memory_of(sys.argv[1], '--json', 'sandbox', '--port', '0'))\n")
        result = subprocess.run(as_nobody([sys.executable, "-I", "-c", reader, self.program]), cwd="/",
                                env=clean_environment(TMPDIR=self.folder), capture_output=True, text=True,
                                timeout=harness.LIMIT, check=False)
        self.exits(result, 0)
        user, control, roomctl = result.stdout.split()
        self.assertNotEqual(user, "0")
        self.assertEqual((control, roomctl), ("open", "refused"))

    def test_credentials_file_of_another_user_is_refused(self):
        """The owner is looked at first: this one is root's, and can be read by all."""
        result = subprocess.run(as_nobody([self.program, "--base-url", "https://127.0.0.1:1", "--credentials",
                                           "/etc/passwd", "get", "a"]), env=clean_environment(), cwd="/",
                                capture_output=True, text=True, timeout=harness.LIMIT, check=False)
        self.assertIn("owned by another user", self.error_line(self.exits(result, 2)))

    def test_file_of_another_user_is_not_written(self):
        """Although its mode lets everybody write."""
        theirs = os.path.join(self.folder, "theirs")
        if os.geteuid() == 0:
            with open(theirs, "w", encoding="ascii"):
                pass
            os.chmod(theirs, 0o666)
            told = "belongs to another user"
        else:
            theirs = "/etc/passwd"
            told = "Permission denied"
        before = os.stat(theirs)
        manifest = os.path.join(self.folder, "rooms.jsonl")
        with open(manifest, "w", encoding="ascii") as file:
            file.write('{"op":"get","roomId":"a"}\n')
        for command in [["sandbox", "--port", "0", "--ca-out", theirs],
                        ["--base-url", "https://127.0.0.1:1", "apply", manifest, "--results", theirs]]:
            with self.subTest(command):
                result = subprocess.run(as_nobody([self.program, *command]), cwd="/", capture_output=True, text=True,
                                        env=clean_environment(**SANDBOX_ENVIRONMENT), timeout=harness.LIMIT,
                                        check=False)
                self.assertIn(told, self.error_line(self.exits(result, 1)))
                after = os.stat(theirs)
                self.assertEqual((after.st_size, after.st_mode), (before.st_size, before.st_mode))


class WrittenFiles(BulkTest):
    """Row 93, for each option that names a file to write."""

    def setUp(self):
        super().setUp()
        self.rooms = self.manifest([room(1)])

    def written(self, option, path):
        if option == "--results":
            return self.roomctl("apply", self.rooms, option, path)
        return run("sandbox", "--port", "0", option, path)

    def write(self, name, text=""):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)
        return self.path(name)

    def test_what_is_not_an_own_regular_file_is_refused_at_once(self):
        os.mkfifo(self.path("fifo"))
        os.mkdir(self.path("folder"))
        os.symlink(self.write("target"), self.path("link"))
        os.symlink(self.path("nothing"), self.path("dangling"))
        os.link(self.write("first"), self.path("second"))
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(self.path("socket"))
        listening.listen()
        cases = [("fifo", "no program reads"), ("folder", "Is a directory"), ("link", "symbolic link"),
                 ("dangling", "symbolic link"), ("second", "another name"), ("socket", "socket"),
                 ("no/such/folder", "No such file or directory")]
        for option in ["--results", "--ca-out"]:
            for name, told in cases:
                with self.subTest(option, name=name):
                    line = self.error_line(self.exits(self.written(option, self.path(name)), 1))
                    self.assertIn(told, line)
                    self.assertIn(name, line)
        for name in ["target", "first"]:
            self.assertEqual(os.path.getsize(self.path(name)), 0)
        self.assertFalse(os.path.exists(self.path("nothing")))
        self.assertEqual(self.requests(), 0)

    def test_file_that_holds_something_else_is_kept(self):
        for option in ["--results", "--ca-out"]:
            with self.subTest(option):
                path = self.write("notes", "notes\n")
                os.chmod(path, 0o640)
                self.assertIn("holds something other", self.error_line(self.exits(self.written(option, path), 1)))
                with open(path, encoding="ascii") as file:
                    self.assertEqual(file.read(), "notes\n")
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o640)

    def test_fifo_with_a_reader_is_taken(self):
        os.mkfifo(self.path("fifo"))
        reader = os.open(self.path("fifo"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.exits(self.written("--results", self.path("fifo")), 0)
        self.assertEqual([r["roomId"] for r in lines_of(os.read(reader, 65536).decode())], ["match-1"])

    def test_results_can_be_read_by_their_owner_alone(self):
        """A user who can read a file can lock it."""
        new = self.path("new.jsonl")
        former = self.write("former.jsonl", '{"index":0}\n')
        os.chmod(former, 0o644)
        for path in [new, former]:
            self.exits(self.roomctl("apply", self.rooms, "--results", path), 3 if path == former else 0)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertEqual([r["roomId"] for r in self.results(path)], ["match-1"])

    def test_locked_files_are_left_alone(self):
        """Where the mode lets others open the file, it need not be another run that holds the lock."""
        kept = '{"kept":\n'
        results = '{"index":0}\n'
        run_or_user = "is locked by another process: another run, or a program of another user"
        for option, text, mode, told, mode_after in [
                ("--results", results, 0o600, "is in use by another run", 0o600),
                ("--results", results, 0o644, run_or_user, 0o600), ("--results", "", 0o604, run_or_user, 0o600),
                ("--results", "notes\n", 0o644, "holds something other", 0o644),
                ("--kept", kept, 0o600, "is in use by another run", 0o600),
                ("--kept", kept, 0o640, run_or_user, 0o600), ("--kept", "notes\n", 0o644, "holds something", 0o644),
                ("--kept", kept, 0o640, "(it has mode 0600 now); end that process, or move the file away", 0o600)]:
            with self.subTest(option, text=text, mode=oct(mode)):
                path = self.write("locked", text)
                os.chmod(path, mode)
                plan = ["--plan"] if option == "--kept" else []
                with open(path, encoding="ascii") as file:
                    fcntl.flock(file, fcntl.LOCK_SH)
                    result = self.roomctl("apply", self.rooms, *plan, option, path)
                    self.assertIn(told, self.error_line(self.exits(result, 1)))
                    self.assertEqual(file.read(), text)
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode_after)
                self.assertEqual(self.requests(), 0)

    def test_certificate_of_an_earlier_run_is_replaced(self):
        path = self.path("ca.pem")
        for _ in range(2):
            sandbox = self.start_sandbox("--ca-out", path)
            self.exits(run(*sandbox.arguments(), "get", "a", env=SANDBOX_ENVIRONMENT), 3)
            self.assertEqual(sandbox.stop()[0], 0)
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read().count("BEGIN CERTIFICATE"), 1)


class LeftOvers(RoomctlTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def sandbox(self, *args):
        running = harness.RunningSandbox(*args, env={"TMPDIR": self.folder})
        self.addCleanup(running.close)
        return running

    def make(self, name, content, mode=0o700):
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        for each in content:
            with open(os.path.join(path, each), "w", encoding="ascii"):
                pass
        os.chmod(path, mode)

    def test_folder_of_a_run_that_was_killed_is_removed_by_the_next(self):
        killed = self.sandbox()
        killed.process.kill()
        killed.process.wait(harness.LIMIT)
        left = os.path.dirname(killed.ca)
        self.assertEqual(os.path.dirname(left), self.folder)
        self.assertTrue(os.path.exists(left))
        at_work = self.sandbox()
        self.assertFalse(os.path.exists(left))
        last = self.sandbox()
        self.assertTrue(os.path.exists(at_work.ca))
        for each in [at_work, last]:
            self.assertEqual(each.stop()[0], 0)
        self.assertEqual(os.listdir(self.folder), [])

    def test_what_may_be_somebody_elses_is_left_alone(self):
        self.make("roomctl-sandbox-empty0", [])
        self.make("roomctl-sandbox-other0", ["notes"])
        self.make("roomctl-sandbox-more00", ["ca.pem", "notes"])
        self.make("roomctl-sandbox-shared", ["ca.pem"], 0o755)
        self.make("roomctl-sandbox-longer-name", ["ca.pem"])
        self.make("elsewhere", ["ca.pem"])
        os.symlink("elsewhere", os.path.join(self.folder, "roomctl-sandbox-link00"))
        before = sorted(os.listdir(self.folder))
        self.assertEqual(self.sandbox().stop()[0], 0)
        self.assertEqual(sorted(os.listdir(self.folder)), before)
        for name in ["elsewhere", "roomctl-sandbox-shared", "roomctl-sandbox-longer-name"]:
            self.assertEqual(os.listdir(os.path.join(self.folder, name)), ["ca.pem"])
        self.assertIn("notes", os.listdir(os.path.join(self.folder, "roomctl-sandbox-more00")))

    def test_known_credentials_on_an_address_that_others_reach_are_warned_of(self):
        own = self.write_file("WATCHERS_API_KEY=canary-k\nWATCHERS_BEARER_TOKEN=canary-t\n")
        for arguments, warned in [(["--address", "0.0.0.0"], True), (["--address", "::"], True), ([], False),
                                  (["--address", "127.0.0.2"], False), (["--address", "::1"], False),
                                  (["--address", "0.0.0.0", "--credentials", own], False)]:
            with self.subTest(arguments):
                process = subprocess.Popen([*harness.PROGRAM, "--json", "sandbox", "--port", "0", *arguments],
                                           env=clean_environment(TMPDIR=self.folder), stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE, text=True)
                self.addCleanup(end, process)
                self.assertTrue(process.stdout.readline())
                process.send_signal(signal.SIGTERM)
                _, told = process.communicate(timeout=harness.LIMIT)
                self.assertEqual(process.returncode, 0)
                if warned:
                    self.assertRegex(told, "^roomctl: warning: other hosts can reach " + re.escape(arguments[1]))
                else:
                    self.assertEqual(told, "")


if __name__ == "__main__":
    main()
