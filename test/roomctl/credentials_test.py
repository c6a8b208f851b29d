# SPDX-License-Identifier: BSL-1.0
"""Tests of where roomctl takes its credentials from.

credentials_test.py PROGRAM [CLASS...]
"""

import os
import sys
import tempfile
import unittest

import harness
from harness import SANDBOX_ENVIRONMENT, RoomctlTest, run


class Credentials(RoomctlTest):
    """Where nothing listens: whoever comes as far as connecting was let through."""

    # Port 1 of the loopback refuses connections.
    nowhere = ["--base-url", "https://127.0.0.1:1"]
    good = "# the sandbox's\n\nWATCHERS_API_KEY=canary-key\r\n WATCHERS_BEARER_TOKEN=canary=token \n"

    def get(self, *args, env=None):
        return run(*self.nowhere, *args, "get", "a", env=env)

    def test_missing_credentials_are_named(self):
        cases = [({}, "WATCHERS_API_KEY"), ({"WATCHERS_API_KEY": "k"}, "WATCHERS_BEARER_TOKEN"),
                 ({"WATCHERS_API_KEY": "", "WATCHERS_BEARER_TOKEN": "t"}, "WATCHERS_API_KEY")]
        for env, name in cases:
            with self.subTest(env):
                self.assertIn(name + " is not set", self.error_line(self.exits(self.get(env=env), 2)))

    def test_environment_is_taken(self):
        self.exits(self.get(env=SANDBOX_ENVIRONMENT), 4)

    def test_private_file_is_taken(self):
        for mode in [0o600, 0o400]:
            with self.subTest(oct(mode)):
                self.exits(self.get("--credentials", self.write_file(self.good, mode)), 4)

    def test_file_wins_over_environment(self):
        self.exits(self.get("--credentials", "/no/such/file", env=SANDBOX_ENVIRONMENT), 2)

    def test_file_open_to_others_is_refused(self):
        for mode in [0o640, 0o604, 0o660, 0o620, 0o644, 0o610]:
            with self.subTest(oct(mode)):
                result = self.get("--credentials", self.write_file(self.good, mode))
                self.assertIn("chmod 600", self.error_line(self.exits(result, 2)))

    def test_what_is_no_regular_file_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            fifo = os.path.join(folder, "fifo")
            os.mkfifo(fifo, 0o600)
            for path in [folder, fifo, "/dev/null"]:
                with self.subTest(path):
                    result = self.get("--credentials", path)
                    self.assertIn("not a regular file", self.error_line(self.exits(result, 2)))

    def test_file_of_another_user_is_refused(self):
        path = self.write_file(self.good)
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)
        else:
            path = "/etc/passwd"  # root's, and can be read by all: its owner is looked at first
        self.assertIn("another user", self.error_line(self.exits(self.get("--credentials", path), 2)))

    def test_malformed_file_is_refused_without_telling_its_text(self):
        token = "WATCHERS_BEARER_TOKEN=canary\n"
        cases = {
            "line 1: not of the form": "canary\n" + token,
            "line 2: neither": token + "canary=1\n",
            "line 2: a second value": token + token,
            "line 1: the value is empty": "WATCHERS_API_KEY=\n" + token,
            "line 1: values are written without quotes": "WATCHERS_API_KEY='canary'\n" + token,
            "WATCHERS_API_KEY= is missing": token,
            "WATCHERS_BEARER_TOKEN= is missing": "WATCHERS_API_KEY=canary\n",
            "larger than": "#" * 20000,
        }
        for told, text in cases.items():
            with self.subTest(told):
                line = self.error_line(self.exits(self.get("--credentials", self.write_file(text)), 2))
                self.assertIn(told, line)
                self.assertNotIn("canary", line)

    def test_secrets_are_never_told(self):
        env = {"WATCHERS_API_KEY": "canary-key", "WATCHERS_BEARER_TOKEN": "canary-token"}
        for more in [[], ["-v"], ["--json"]]:
            result = self.exits(self.get(*more, env=env), 4)
            self.assertNotIn("canary", result.stdout + result.stderr)

    def test_header_injection_is_refused(self):
        env = {"WATCHERS_API_KEY": "k\r\nX-Evil: 1", "WATCHERS_BEARER_TOKEN": "t"}
        self.assertNotIn("Evil", self.error_line(self.exits(self.get(env=env), 2)))

    def test_line_end_behind_a_secret_is_named(self):
        for name in SANDBOX_ENVIRONMENT:
            for ending in ["\n", "\r\n", "\r"]:
                with self.subTest(name, ending=ending):
                    env = dict(SANDBOX_ENVIRONMENT, **{name: "canary" + ending})
                    line = self.error_line(self.exits(self.get(env=env), 2))
                    self.assertIn("must not end with a line end", line)
                    self.assertNotIn("canary", line)
        for ending in ["\n", "\r\n", ""]:  # of a file's lines
            text = "WATCHERS_API_KEY=k" + ending + ("" if ending else "\n") + "WATCHERS_BEARER_TOKEN=t" + ending
            self.exits(self.get("--credentials", self.write_file(text)), 4)

    def test_base_url_of_the_environment_is_used(self):
        env = dict(SANDBOX_ENVIRONMENT, WATCHERS_BASE_URL="https://127.0.0.1:1")
        self.exits(run("get", "a", env=env), 4)
        env["WATCHERS_BASE_URL"] = "ftp://nowhere"
        self.exits(run("get", "a", env=env), 2)
        self.exits(self.get(env=env), 4)


if __name__ == "__main__":
    harness.PROGRAM[:] = [os.path.abspath(sys.argv.pop(1))]
    unittest.main()
