# SPDX-License-Identifier: BSL-1.0
"""roomctl apply with ten thousand rooms, with and without faults, against the sandbox's own record of them.

ten_thousand_test.py PROGRAM [CLASS...]
"""

import itertools
import urllib.error
from collections import Counter

from bulk_harness import BulkTest, lines_of, main, room

ROOMS = 10_000
OUTCOMES = ["done", "confirmed", "journaled", "failed", "skipped", "stopped", "unknown"]
SUCCESSES = ["done", "confirmed", "journaled"]

OF_REQUESTS = [
    *({"action": a} for a in ["drop_before", "drop_after", "reset_before", "reset_after", "reset_mid", "truncate",
                              "garbage", "garbage_record", "redirect", "close_after"]),
    *({"action": "respond", "status": s} for s in [408, 421, 429, 500, 502, 503, 504]),
    {"action": "delay", "delay_ms": 2},
    {"action": "trickle", "interval_ms": 1},
    {"action": "stray", "bytes": "HTTP/1.1 200 OK\r\n\r\n"},
    {"action": "raw", "bytes": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 10\r\n\r\n"},
]
OF_CONNECTIONS = [{"action": a} for a in ["close_on_accept", "reset_on_accept", "garbage_handshake",
                                          "close_after_handshake", "reset_after_handshake"]]
# What is only ended by a time limit: each once or twice is slow enough.
SLOW = [{"action": "stall", "nth": 500, "every": 900, "times": 3},
        {"action": "stop_reading", "nth": 15, "every": 20, "times": 2},
        {"action": "stall_handshake", "nth": 33, "every": 20, "times": 2}]


def every_twentieth(faults):
    """One of the faults, by turns, at each twentieth request or connection."""
    return [{**f, "nth": 20 * i + 7, "every": 20 * len(faults), "times": 0} for i, f in enumerate(faults)]


class TenThousand(BulkTest):
    def setUp(self):
        super().setUp()
        self.entries = [room(n, isSpeak=n % 3 == 0) for n in range(ROOMS)]

    def through_faults(self, what):
        """Faults of connections meet the test's own as well; they are seldom two in a row."""
        for _ in range(20):
            try:
                return what()
            except (urllib.error.URLError, ConnectionError):
                pass
        return what()

    def assert_true(self, told, results, creations, rooms):
        """The summary is the sum of the lines, and every line is as the sandbox has it."""
        expected = [(line, op) for line, e in enumerate(self.entries, 1)
                    for op in ["create", *(["status"] if "status" in e else [])]]
        results.sort(key=lambda r: r["index"])
        self.assertEqual([r["index"] for r in results], list(range(len(expected))))
        self.assertEqual([(r["line"], r["op"]) for r in results], expected)

        for of, lines in [(told, results), *((told["by_operation"][op], [r for r in results if r["op"] == op])
                                             for op in {op for _, op in expected})]:
            outcomes = Counter(r["outcome"] for r in lines)
            self.assertEqual({o: of[o] for o in OUTCOMES}, {o: outcomes[o] for o in OUTCOMES})
            self.assertEqual(of["operations"], len(lines))
            self.assertEqual(of["retried"], sum(r["attempts"] > 1 for r in lines))
        failures = Counter((r["op"], r["error"]) for r in results
                           if r["error"] not in [None, "skipped_after_failure", "stopped"])
        self.assertEqual({(f["op"], f["error"]): f["count"] for f in told["failures"]}, dict(failures))
        self.assertEqual(told["exit_code"] == 0, all(r["outcome"] in SUCCESSES for r in results))

        for r in results:
            entry = self.entries[r["line"] - 1]
            self.assertEqual(r["roomId"], entry["roomId"])
            self.assertEqual(r["error"] is None, r["outcome"] in SUCCESSES)
            changed = {"applied": True, "none": False, "unknown": None}[r["effect"]]
            self.assertEqual(r["outcome"] == "unknown", changed is None)
            if r["op"] == "create":
                self.assertLessEqual(creations.get(r["roomId"], 0), 1)
                actual = r["roomId"] in rooms
            else:
                actual = r["roomId"] in rooms and rooms[r["roomId"]]["status"] == entry["status"]
            if changed is not None:
                self.assertEqual(actual, changed, r)

    def assert_all_created_once(self):
        self.assert_applied(self.entries)
        self.assertEqual(self.creations(), {e["roomId"]: 1 for e in self.entries})

    def test_all_are_there(self):
        told = self.apply(0, self.manifest(self.entries), "--max-in-flight", "64", "--results",
                          self.path("results.jsonl"))
        self.assertEqual(told["done"], ROOMS)
        self.assert_all_created_once()
        self.assert_true(told, self.results(), self.creations(), self.rooms())
        self.assertEqual(self.counters()["requests"]["create"], ROOMS)
        self.assertEqual(self.counters()["responses"]["201"], ROOMS)

    def test_faults_of_every_kind_are_told_as_they_are_and_overcome(self):
        for e in self.entries[::4]:
            e["status"] = "ENDED"
        path = self.manifest(self.entries)
        self.sandbox.admin("POST", "/sandbox/faults",
                           [*SLOW, *every_twentieth(OF_REQUESTS), *every_twentieth(OF_CONNECTIONS)])

        for run in itertools.count():
            self.assertLess(run, 10)
            self.forget_results()
            result = self.roomctl("--json", "apply", path, "--journal", self.path("journal"), "--results",
                                  self.path("results.jsonl"), "--max-in-flight", "64", "--timeout", "5s")
            self.assertEqual(result.stderr, "")
            told = lines_of(result.stdout)[-1]
            self.assertEqual(result.returncode, told["exit_code"])
            self.assertIn(result.returncode, [0, 3, 4, 5])
            self.assert_true(told, self.results(), self.through_faults(self.creations),
                             self.through_faults(self.rooms))
            if run == 0:
                counters = self.through_faults(self.counters)
                self.assertGreater(counters["faults_fired"], 0.045 * counters["requests"]["any"])
                self.assertGreater(told["retried"], 200)
                self.assertGreater(told["confirmed"], 20)
            if result.returncode == 0:
                break
        self.through_faults(lambda: self.sandbox.admin("DELETE", "/sandbox/faults"))
        self.assert_all_created_once()


if __name__ == "__main__":
    main()
