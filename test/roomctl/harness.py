# SPDX-License-Identifier: BSL-1.0
"""Starts roomctl and the sandbox for the tests."""

import json
import os
import select
import signal
import ssl
import subprocess
import tempfile
import unittest
import urllib.request

PROGRAM = ["roomctl"]  # set by the script that runs
LIMIT = 60  # seconds; only a test that hangs gets there


def clean_environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("WATCHERS_")}
    env.update(LC_ALL="C.UTF-8", **more)
    return env


SANDBOX_ENVIRONMENT = {"WATCHERS_API_KEY": "sandbox", "WATCHERS_BEARER_TOKEN": "sandbox"}


def run(*args, env=None, **more):
    """Runs roomctl to its end, without credentials unless env has them."""
    return subprocess.run([*PROGRAM, *args], env=clean_environment(**(env or {})), capture_output=True,
                          text=True, timeout=LIMIT, check=False, **more)


def end(process):
    """For a process that may have ended already: one left behind would hold the test's output open."""
    if process.poll() is None:
        process.kill()
    process.wait(LIMIT)
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


class RunningSandbox:
    """A `roomctl sandbox` of its own, ended by SIGTERM; close() ends it in any case."""

    def __init__(self, *args, port=0, env=None):
        self.process = subprocess.Popen([*PROGRAM, "--json", "sandbox", "--port", str(port), *args],
                                        env=clean_environment(**(env or {})), stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline()
        if not ready:
            raise AssertionError(f"the sandbox did not start: exit code {self.process.wait(LIMIT)}")
        self.address = json.loads(ready)
        self.base_url = self.address["base_url"]
        self.ca = self.address["ca"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        last, _ = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, last

    def close(self):
        end(self.process)

    def arguments(self):
        return ["--base-url", self.base_url, "--ca", self.ca]

    def admin(self, method, path, body=None):
        request = urllib.request.Request(self.base_url + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header("x-api-key", "sandbox")
        request.add_header("Authorization", "Bearer sandbox")
        request.add_header("Content-Type", "application/json")
        context = ssl.create_default_context(cafile=self.ca)
        with urllib.request.urlopen(request, context=context, timeout=LIMIT) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def fault(self, **fault):
        self.admin("POST", "/sandbox/faults", fault)


class RoomctlTest(unittest.TestCase):
    """Checks of one run's outcome."""

    def exits(self, result, code):
        self.assertEqual(result.returncode, code, f"stdout: {result.stdout}\nstderr: {result.stderr}")
        return result

    def one_line(self, text):
        self.assertTrue(text.endswith("\n"), text)
        self.assertEqual(text.count("\n"), 1, text)
        return text[:-1]

    def error_line(self, result):
        """The one line on standard error that every failure is."""
        self.assertEqual(result.stdout, "")
        line = self.one_line(result.stderr)
        self.assertTrue(line.startswith("roomctl: "), line)
        return line

    def json_line(self, result):
        """The one object on standard output that every outcome is."""
        self.assertEqual(result.stderr, "")
        return json.loads(self.one_line(result.stdout))

    def start_sandbox(self, *args):
        sandbox = RunningSandbox(*args)
        self.addCleanup(sandbox.close)
        return sandbox

    def start(self, *args, **more):
        running = Running(*args, **more)
        self.addCleanup(end, running.process)
        return running

    def write_file(self, text, mode=0o600):
        fd, path = tempfile.mkstemp(prefix="roomctl-test-")
        self.addCleanup(os.unlink, path)
        with os.fdopen(fd, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path


class SandboxTest(RoomctlTest):
    """One sandbox for all tests of a class; each test uses rooms of its own."""

    @classmethod
    def setUpClass(cls):
        cls.sandbox = RunningSandbox()
        cls.addClassCleanup(cls.sandbox.close)

    def roomctl(self, *args, **more):
        more.setdefault("env", SANDBOX_ENVIRONMENT)
        return run(*self.sandbox.arguments(), *args, **more)

    def create(self, room_id, *more):
        return self.exits(self.roomctl("create", room_id, "Final", "Kick-off at 20:00", *more), 0)


class Running:
    """A roomctl that is still at work."""

    def __init__(self, *args, **more):
        self.process = subprocess.Popen([*PROGRAM, *args], env=clean_environment(**SANDBOX_ENVIRONMENT),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def interrupt(self, which=signal.SIGINT):
        self.process.send_signal(which)

    def error_line(self):
        """Waits for a line on standard error. What follows it is left to result()."""
        line = b""
        while not line.endswith(b"\n"):
            more = os.read(self.process.stderr.fileno(), 1)
            if not more:
                break
            line += more
        return line.decode()

    def result(self):
        out, err = self.process.communicate(timeout=LIMIT)
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, out, err)


def read_until(fd, wanted, limit=LIMIT):
    """What comes out of a terminal until it holds `wanted`, or ends."""
    text = b""
    while wanted not in text:
        ready, _, _ = select.select([fd], [], [], limit)
        if not ready:
            break
        try:
            more = os.read(fd, 65536)
        except OSError:  # the other side is closed
            break
        if not more:
            break
        text += more
    return text
