# SPDX-License-Identifier: BSL-1.0
"""Tests of what is left when `roomctl apply --journal` is killed, or its journal cut or damaged.

crash_test.py PROGRAM [CLASS...]

ROOMCTL_CRASH_SEED repeats the choices of a run: the seed is printed.
"""

import os
import signal
import sys
import unittest
from collections import Counter

import harness
from crash_rig import CrashTest, Manifest, bytes_read, file_size, results_in
from harness import SANDBOX_ENVIRONMENT
from journal_records import HEAD_SIZE, HEADER_SIZE, done_in, read_frames


class Kill(CrashTest):
    KILLS = 100
    ROOMS = 3000

    def manifest(self):
        """At every instant rooms are created, changed and deleted. A room that is gone would be created twice."""
        operations = []
        for n in range(self.ROOMS + 150):
            if n < self.ROOMS:
                operations.append({"op": "create", "roomId": f"match-{n}", "name": f"Match {n}", "about": "Final"})
            if 0 <= (m := n - 50) < self.ROOMS:
                operations.append({"op": "status", "roomId": f"match-{m}", "status": "ENDED"})
            if 0 <= (m := n - 100) < self.ROOMS and m % 2 == 0:
                operations.append({"op": "voice", "roomId": f"match-{m}", "isSpeak": True})
            if 0 <= (m := n - 150) < self.ROOMS and m % 2 == 1:
                operations.append({"op": "delete", "roomId": f"match-{m}"})
        return Manifest(self.path("operations.jsonl"), operations)

    def requests(self):
        """Changes that came to the sandbox."""
        requests = self.sandbox.counters()["requests"]
        return sum(requests.get(op, 0) for op in ["create", "voice", "status", "delete"])

    def come_to_an_instant(self, process, manifest, left, kills_left):
        """Returns, at work with the process, when a random part of what is left to do is done."""
        step = 1 + self.random.randrange(max(1, 2 * left // (kills_left + 5)))
        by = self.random.choice(["requests", "requests", "journal", "journal", "start"])
        spin = self.random.randrange(2000)
        if by == "requests":
            wanted = self.requests() + step
            while process.poll() is None and self.requests() < wanted:
                pass
        elif by == "journal":  # some ten bytes for an operation
            wanted = file_size(self.path("journal")) + 10 * step
            while process.poll() is None and file_size(self.path("journal")) < wanted:
                pass
        else:  # while it reads the manifest, twice, and the journal, and connects
            wanted = self.random.randrange(2 * file_size(manifest.path) + file_size(self.path("journal")))
            while process.poll() is None and bytes_read(process.pid) < wanted:
                pass
            spin *= 10
        for _ in range(spin):
            pass
        return by

    def kill_and_resume(self, faults, *more):
        kills = 0
        instants = Counter()
        rounds = 0
        while kills < self.KILLS:
            self.sandbox.ask("POST", "/sandbox/reset")
            if faults:
                self.sandbox.ask("POST", "/sandbox/faults", faults)
            if rounds:
                os.unlink(self.path("journal"))
            rounds += 1
            manifest = self.manifest()
            told = []
            while kills < self.KILLS:
                left = len(manifest.operations) - self.requests()
                process = self.start_apply(manifest, "killed.jsonl", *more)
                by = self.come_to_an_instant(process, manifest, left, self.KILLS - kills)
                process.kill()
                ended = process.wait(harness.LIMIT)
                told += results_in(self.path("killed.jsonl"))
                if ended != -signal.SIGKILL:
                    self.assertEqual(ended, 0)  # it was faster
                    break
                kills += 1
                instants[by] += 1
            self.check_round(manifest, told, bool(faults), *more)
        print(f"{kills} kills in {rounds} rounds, by {dict(instants)}; "
              f"{len(told)} lines of the last round's killed runs", flush=True)

    def check_round(self, manifest, told, doubts, *more):
        for _ in range(10):
            known = done_in(read_frames(self.read_journal()))
            before = self.sandbox.creations()
            report = self.apply(manifest, "results.jsonl", *more, doubts=doubts)
            if report.summary["exit_code"] == 0:
                break
            told += report.lines
        self.check_report(manifest, report, known)
        self.check_rooms(manifest)
        creations = self.sandbox.creations()
        self.assertEqual(creations, {room_id: 1 for room_id in manifest.created})

        # Whose answer was lost, in this run or before, is told to be confirmed; whose came, done.
        created = set(creations) - set(before)
        self.assertLessEqual(report.rooms("done", "create"), created)
        self.assertLessEqual(created, report.rooms("done", "create") | report.rooms("confirmed", "create"))
        for line in told:
            self.check_line(manifest, line, doubts)
        counters = self.sandbox.counters()
        print(f"{len(manifest.operations)} operations, {counters['requests']['any']} requests; "
              f"last run: {report.summary['journaled']} journaled, {report.summary['done']} done, "
              f"{report.summary['confirmed']} confirmed", flush=True)

    def test_killed_runs_lose_nothing_and_do_nothing_twice(self):
        self.kill_and_resume([], "--max-in-flight", "16")

    def test_killed_runs_under_faults_lose_nothing_and_do_nothing_twice(self):
        faults = [{"action": action, "nth": 5 * i + 3, "every": 150, "times": 0}
                  for i, action in enumerate(["drop_before", "drop_after", "reset_before", "reset_after", "reset_mid",
                                              "truncate"])]
        faults.append({"action": "delay", "delay_ms": 15, "nth": 2, "every": 30, "times": 0})
        faults.append({"action": "respond", "status": 503, "nth": 40, "every": 150, "times": 0})
        self.kill_and_resume(faults, "--max-in-flight", "16")
        self.assertGreater(self.sandbox.counters()["faults_fired"], 0)


class CutTest(CrashTest):
    """Journals of runs of these operations; what is left of them is resumed from the rooms that were there."""

    ROOMS = 46
    AT_ONCE = 12  # the last rooms, with less to do
    TAIL = 4096
    # In memory: thousands of runs, of which each would wait for the disk.
    FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

    def setUp(self):
        super().setUp()
        # One operation after the other on a room makes small groups: fewer of them to be done after each cut.
        by_room = [self.operations_on(n) for n in range(self.ROOMS)]
        operations = [op for of_room in by_room[:-self.AT_ONCE] for op in of_room]
        for step in [0, -1]:
            operations += [of_room[step] for of_room in by_room[-self.AT_ONCE:]]
        self.manifest = Manifest(self.path("operations.jsonl"), operations)

    @staticmethod
    def operations_on(n):
        room_id = f"match-{n}"
        create = {"op": "create", "roomId": room_id, "name": f"Match {n}", "about": "Final", "isSpeak": n % 2 == 0}
        return [create, *({"op": "status", "roomId": room_id, "status": status}
                          for status in ["SOON", "DISABLED", "LIVE", "SOON", "DISABLED", "ENDED"])]

    def finish_run(self):
        self.apply(self.manifest, "results.jsonl", "--max-in-flight", "1")
        self.look_at_run()

    def interrupt_run(self):
        """Killed twice: with one operation under way, and with eight, of which every other one was carried out."""
        first = self.ROOMS - self.AT_ONCE
        self.kill_at_work([first - 1], "--max-in-flight", "1")
        self.kill_at_work(range(first, first + 8), "--max-in-flight", "8")
        self.look_at_run()

    def kill_at_work(self, stalled, *more):
        """When the service has the requests for these rooms, and answers none of them."""
        self.sandbox.ask("POST", "/sandbox/faults", [
            {"action": "stall", "room": f"match-{n}", "apply": n % 2 == 0, "op": "create" if n % 4 < 2 else "status"}
            for n in stalled])
        before = self.sandbox.counters()["faults_fired"]
        process = self.start_apply(self.manifest, "results.jsonl", *more)
        while (fired := self.sandbox.counters()["faults_fired"] - before) < len(stalled):
            self.assertIsNone(process.poll(), fired)
        process.kill()
        process.wait(harness.LIMIT)
        self.sandbox.ask("DELETE", "/sandbox/faults")

    def look_at_run(self):
        self.journal = self.read_journal()
        self.frames = read_frames(self.journal)
        self.assertEqual(self.frames[-1].end, len(self.journal))
        self.assertGreater(len(self.journal), self.TAIL + HEADER_SIZE + 100)  # else conflicts would be no mistake
        self.rooms_before = self.sandbox.rooms()
        self.creations = self.sandbox.creations()

    def resume(self, data, kept):
        """Resumes a journal with this content, of which these groups count, and undoes what that changed."""
        self.write_journal(data)
        report = self.apply(self.manifest, "results.jsonl", "--max-in-flight", "2")  # connecting takes time
        self.check_report(self.manifest, report, done_in(kept))
        self.check_journal(data, kept)
        rooms = self.check_rooms(self.manifest)
        missing = set(rooms) - set(self.rooms_before)
        for room_id in missing:
            self.creations[room_id] = self.creations.get(room_id, 0) + 1
        self.assertEqual(self.sandbox.creations(), self.creations)
        self.assertEqual(report.rooms("done", "create"), missing)

        for room_id in missing:
            self.sandbox.ask("DELETE", f"/external/room/{room_id}")
        for room_id, room in self.rooms_before.items():
            if rooms[room_id]["status"] != room["status"]:
                self.sandbox.ask("POST", "/external/room/status", {"roomId": room_id, "status": room["status"]})

    def check_journal(self, before, kept):
        """What counted is still there, all else is cut off, and behind it stands the rest of the work."""
        data = self.read_journal()
        end = kept[-1].end
        self.assertEqual(data[:end], before[:end])
        frames = kept + read_frames(data, end)
        self.assertEqual(frames[-1].end, len(data))
        self.assertEqual(done_in(frames), set(range(len(self.manifest.operations))))

    def resume_every_cut(self):
        size = len(self.journal)
        for length in range(size - self.TAIL, size):
            try:
                self.resume(self.journal[:length], [f for f in self.frames if f.end <= length])
            except AssertionError as e:  # all that follow would start from other rooms
                raise AssertionError(f"cut at {length}: {e}") from e
        self.assertEqual(self.sandbox.rooms(), self.rooms_before)
        print(f"{self.TAIL} cuts of a journal of {size} bytes and {len(self.frames)} groups; "
              f"{self.sandbox.counters()['requests']['any']} requests", flush=True)


class CutInterrupted(CutTest):
    def test_journal_of_a_killed_run_is_resumed_from_every_cut(self):
        self.interrupt_run()
        self.resume_every_cut()


class CutFinished(CutTest):
    def test_journal_of_a_finished_run_is_resumed_from_every_cut(self):
        self.finish_run()
        self.resume_every_cut()


class Damage(CutTest):
    def flip(self, offset):
        data = bytearray(self.journal)
        data[offset] ^= 1 << self.random.randrange(8)
        return bytes(data)

    def check_refused(self, offset, rule):
        data = self.flip(offset)
        self.write_journal(data)
        result = harness.run(*self.sandbox.arguments(), "apply", self.manifest.path, "--journal", self.path("journal"),
                             env=SANDBOX_ENVIRONMENT)
        line = self.error_line(self.exits(result, 1))
        self.assertIn(self.path("journal"), line)
        self.assertIn(rule, line)
        self.assertEqual(self.read_journal(), data)

    def check_flips(self):
        """One bit in every field of the header; in every group's head and records; and in the last group."""
        before = self.sandbox.counters()["requests"]
        for offset, rule in [(0, "not a journal"), (8, "unknown version, or damaged at offset 8"),
                             (12, "damaged at offset 0:"), (20, "damaged at offset 0:"), (52, "damaged at offset 0:")]:
            with self.subTest(offset=offset):
                self.check_refused(offset + self.random.randrange(4), rule)
        for frame in self.frames[:-1]:
            for begin, end_ in [(frame.offset, frame.offset + HEAD_SIZE), (frame.offset + HEAD_SIZE, frame.end)]:
                offset = self.random.randrange(begin, end_)
                with self.subTest(offset=offset, frame=frame.offset):
                    self.check_refused(offset, f"damaged at offset {frame.offset}:")
        self.assertEqual(self.sandbox.counters()["requests"]["any"], before["any"])

        last = self.frames[-1]
        for offset in range(last.offset, last.end):  # as a crash may leave it
            self.resume(self.flip(offset), self.frames[:-1])

    def test_journal_of_a_finished_run_is_refused(self):
        self.finish_run()
        self.check_flips()

    def test_journal_of_a_killed_run_is_refused(self):
        self.interrupt_run()
        self.check_flips()


if __name__ == "__main__":
    harness.PROGRAM[:] = [os.path.abspath(sys.argv.pop(1))]
    unittest.main()
