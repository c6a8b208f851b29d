# SPDX-License-Identifier: BSL-1.0
"""What the tests of crash_test.py and memory_test.py share."""

import http.client
import json
import os
import random
import ssl
import subprocess
import tempfile
from collections import Counter

import harness
from harness import SANDBOX_ENVIRONMENT, RoomctlTest, RunningSandbox, clean_environment, end

SUCCESSES = ["done", "confirmed", "journaled"]


class WatchedSandbox(RunningSandbox):
    """Asked on one connection that stays open, so that asking takes no longer than it must."""

    def __init__(self):
        super().__init__()
        port = int(self.base_url.rsplit(":", 1)[1])
        context = ssl.create_default_context(cafile=self.ca)
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=harness.LIMIT)

    def close(self):
        self.connection.close()
        super().close()

    def ask(self, method, path, body=None):
        self.connection.request(method, path, None if body is None else json.dumps(body),
                                {"x-api-key": "sandbox", "Authorization": "Bearer sandbox",
                                 "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {text}")
        return json.loads(text) if text else None

    def rooms(self):
        return {r["roomId"]: r for r in self.ask("GET", "/sandbox/rooms")}

    def creations(self):
        return self.ask("GET", "/sandbox/creations")

    def counters(self):
        return self.ask("GET", "/sandbox/counters")


class Manifest:
    """Operations, and the rooms that they lead to."""

    def __init__(self, path, operations):
        self.path = path
        self.operations = operations
        self.created = set()
        self.final = {}
        for op in operations:
            room_id = op["roomId"]
            if op["op"] == "create":
                self.created.add(room_id)
                self.final[room_id] = {"isSpeak": False, "status": "LIVE"} | {k: v for k, v in op.items() if k != "op"}
            elif op["op"] == "delete":
                del self.final[room_id]
            else:
                self.final[room_id].update({k: v for k, v in op.items() if k not in ("op", "roomId")})
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(op) + "\n" for op in operations)


# Of a create that was lost twice, and of what follows in its room: a later run does it.
DOUBTS = {("unknown", "outcome_unknown"), ("skipped", "skipped_after_failure")}


class Report:
    """What a finished run tells: its summary, and the lines of --results."""

    def __init__(self, summary, results_path):
        self.summary = summary
        self.lines = results_in(results_path)

    def indices(self, outcome, op=None):
        return {r["index"] for r in self.lines if r["outcome"] == outcome and op in (None, r["op"])}

    def rooms(self, outcome, op):
        return {r["roomId"] for r in self.lines if r["outcome"] == outcome and r["op"] == op}


def results_in(path):
    """A run that was killed may have left a part of a line, or no file."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def file_size(path):
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def bytes_read(process_id):
    try:
        with open(f"/proc/{process_id}/io", encoding="ascii") as file:
            return int(file.readline().split()[1])
    except (OSError, IndexError):  # it ends
        return 0


class CrashTest(RoomctlTest):
    FOLDER = None  # for temporary files: the system's

    def setUp(self):
        self.seed = int(os.environ.get("ROOMCTL_CRASH_SEED") or random.SystemRandom().getrandbits(32))
        print(f"{self.id()}: ROOMCTL_CRASH_SEED={self.seed}", flush=True)
        self.random = random.Random(self.seed)
        folder = tempfile.TemporaryDirectory(dir=self.FOLDER)
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.sandbox = WatchedSandbox()
        self.addCleanup(self.sandbox.close)

    def path(self, name):
        return os.path.join(self.folder, name)

    def arguments(self, manifest, results, *more):
        return [*harness.PROGRAM, *self.sandbox.arguments(), "--json", "apply", manifest.path,
                "--journal", self.path("journal"), "--results", self.path(results), *more]

    def forget(self, results):
        """So that those of the next run are not added to them."""
        if os.path.exists(self.path(results)):
            os.unlink(self.path(results))

    def start_apply(self, manifest, results, *more):
        self.forget(results)
        process = subprocess.Popen(self.arguments(manifest, results, *more), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=clean_environment(**SANDBOX_ENVIRONMENT))
        self.addCleanup(end, process)
        return process

    def apply(self, manifest, results, *more, doubts=False):
        """@param doubts whether an outcome may stay unknown: a create that was lost twice is not sent a third time."""
        self.forget(results)
        result = subprocess.run(self.arguments(manifest, results, *more), capture_output=True, text=True, check=False,
                                env=clean_environment(**SANDBOX_ENVIRONMENT), timeout=harness.LIMIT)
        if not (doubts and result.returncode == 5):
            self.exits(result, 0)
        self.assertEqual(result.stderr, "")
        return Report(json.loads(self.one_line(result.stdout)), self.path(results))

    def read_journal(self):
        with open(self.path("journal"), "rb") as file:
            return file.read()

    def write_journal(self, data):
        # A new file: the system need not bring the former one's bytes to the disk.
        with open(self.path("new"), "wb") as file:
            file.write(data)
        os.replace(self.path("new"), self.path("journal"))

    def check_line(self, manifest, line, doubts=False):
        """One line of a report of operations that all come true in the end."""
        index, outcome = line["index"], line["outcome"]
        op = manifest.operations[index]
        if doubts and (outcome, line["error"]) in DOUBTS:
            self.assertEqual(line["effect"] == "unknown", outcome == "unknown")
            return
        true = ((line["line"], line["op"], line["roomId"]) == (index + 1, op["op"], op["roomId"]) and
                outcome in SUCCESSES and line["effect"] == "applied" and line["error"] is None and
                (line["attempts"] == 0) == (outcome == "journaled"))
        if not true:  # asked first: there are a million lines
            self.fail(f"{line} of {op}")

    def check_report(self, manifest, report, journaled):
        """Every operation has one line, the sums are right, and what the journal knew to be done is told so."""
        self.assertEqual(sorted(r["index"] for r in report.lines), list(range(len(manifest.operations))))
        for line in report.lines:
            self.check_line(manifest, line)
        self.assertEqual(report.indices("journaled"), journaled)
        s = report.summary
        self.assertEqual((s["operations"], s["stopped_by"], s["exit_code"]), (len(manifest.operations), None, 0))
        self.assertEqual(s["failures"], [])
        kinds = Counter(op["op"] for op in manifest.operations)
        self.assertEqual({k: v["operations"] for k, v in s["by_operation"].items()}, kinds)
        for outcome in [*SUCCESSES, "failed", "skipped", "stopped", "unknown"]:
            self.assertEqual(s[outcome], len(report.indices(outcome)), outcome)
            for kind, of_kind in s["by_operation"].items():
                self.assertEqual(of_kind[outcome], len(report.indices(outcome, kind)), (kind, outcome))
        self.assertEqual(s["retried"], sum(r["attempts"] > 1 for r in report.lines))

    def check_rooms(self, manifest):
        rooms = self.sandbox.rooms()
        self.assertEqual(set(rooms), set(manifest.final))
        for room_id, wanted in manifest.final.items():
            self.assertLessEqual(wanted.items(), rooms[room_id].items())
        return rooms
