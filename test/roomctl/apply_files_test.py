# SPDX-License-Identifier: BSL-1.0
"""Tests of the files that roomctl apply writes, and of what keeps it from writing them.

apply_files_test.py PROGRAM [CLASS...]
"""

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess

import harness
from bulk_harness import BulkTest, json_lines, lines_of, main, room
from harness import SANDBOX_ENVIRONMENT, clean_environment, run


class Files(BulkTest):
    def limited_apply(self, size, *args):
        """One that can make files of so many bytes at most, as on a full disk."""
        result = subprocess.run(["prlimit", f"--fsize={size}", *harness.PROGRAM, *self.sandbox.arguments(), "--json",
                                 "apply", *args], env=clean_environment(**SANDBOX_ENVIRONMENT), capture_output=True,
                                text=True, timeout=harness.LIMIT, check=False)
        return lines_of(self.exits(result, 1).stdout)

    def assert_agrees(self, told, count):
        """What was begun has ended, and is told."""
        self.assertEqual(told["operations"], count)
        self.assertEqual(told["done"] + told["stopped"], count)
        self.assertGreater(told["stopped"], 0)
        self.assertEqual(told["done"], len(self.rooms()))
        self.assertEqual(told["exit_code"], 1)

    def test_full_disk_under_the_results_is_a_failure(self):
        # Row 84.
        path = self.manifest([room(n) for n in range(3)])
        result = self.exits(self.roomctl("--json", "apply", path, "--results", "/dev/full"), 1)
        told = lines_of(result.stdout)
        self.assertEqual((told[0]["done"], told[0]["exit_code"]), (3, 1))
        self.assertIn("/dev/full", told[1]["message"])

    def test_disk_that_fills_up_stops_what_cannot_be_recorded(self):
        # Row 84.
        path = self.manifest([room(n) for n in range(5000)])
        told = self.limited_apply(100_000, path, "--results", self.path("results.jsonl"))
        self.assert_agrees(told[0], 5000)
        self.assertIn("results.jsonl: not everything could be written", told[1]["message"])
        self.assertGreater(os.path.getsize(self.path("results.jsonl")), 50_000)

    def test_journal_that_cannot_grow_stops_the_run(self):
        path = self.manifest([room(n) for n in range(2000)])
        told = self.limited_apply(8192, path, "--journal", self.path("journal"))
        self.assert_agrees(told[0], 2000)
        self.assertEqual(told[0]["stopped_by"], "journal_failed")
        told = self.apply(0, path, "--journal", self.path("journal"))
        self.assertEqual(self.creations(), {f"match-{n}": 1 for n in range(2000)})

    def test_results_of_two_runs_do_not_get_into_one_file(self):
        results = self.path("results.jsonl")
        running = self.stalled_apply("match-0", self.manifest([room(n) for n in range(3)]), "--results", results)
        other = self.manifest([room(n) for n in range(10, 13)], "other.jsonl")
        refused = self.exits(self.roomctl("apply", other, "--results", results), 1)
        self.assertIn("results.jsonl: is in use by another run", refused.stderr)
        self.assertNotIn("match-10", self.rooms())
        running.interrupt()
        running.interrupt()
        running.result()

    def test_readmes_manifests_are_sound(self):
        readme = pathlib.Path(__file__).parents[2] / "README.md"
        blocks = re.findall(r"^```(jsonl|csv)\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.M | re.S)
        self.assertEqual([kind for kind, _ in blocks], ["jsonl", "csv", "jsonl"])
        for kind, text in blocks:
            self.apply(0, self.manifest(text, f"readme.{kind}"), "--dry-run")

    def test_reader_of_the_results_that_goes_away_is_a_failure(self):
        read, write = os.pipe()
        os.close(read)
        path = self.manifest([room(n) for n in range(3)])
        result = self.exits(self.roomctl("--json", "apply", path, "--results", f"/dev/fd/{write}", pass_fds=[write]), 1)
        os.close(write)
        self.assertIn("not everything could be written", lines_of(result.stdout)[-1]["message"])
        self.assertEqual(len(self.rooms()), 3)

    def test_closed_standard_output_is_a_failure(self):
        read, write = os.pipe()
        os.close(read)
        path = self.manifest([room(n) for n in range(3)])
        result = subprocess.run([*harness.PROGRAM, *self.sandbox.arguments(), "apply", path], stdout=write,
                                env=clean_environment(**SANDBOX_ENVIRONMENT), stderr=subprocess.PIPE, text=True,
                                timeout=harness.LIMIT, check=False)
        os.close(write)
        self.assertEqual(result.returncode, 1)
        self.assertIn("standard output: not everything could be written", result.stderr)
        self.assertEqual(len(self.rooms()), 3)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    @staticmethod
    def content(path):
        if not os.path.exists(path):
            return None
        with open(path, "rb") as file:
            return file.read()

    def test_results_replace_nothing_but_results(self):
        path = self.manifest([room(1)])
        journal = self.path("journal")
        self.apply(0, path, "--journal", journal)
        os.link(path, self.path("other-name"))
        os.symlink(path, self.path("link"))
        os.symlink(self.path("nothing"), self.path("dangling"))
        credentials = self.write("credentials", "WATCHERS_API_KEY=sandbox\nWATCHERS_BEARER_TOKEN=sandbox\n")
        ca = self.path("ca.pem")
        shutil.copy(self.sandbox.ca, ca)
        rooms = self.write("other.jsonl", json_lines([room(2)]))
        results = self.write("results.jsonl", '{"index":0,"line":1}\n')
        cases = [([], path), ([], self.path("other-name")), (["--journal", journal], journal), ([], journal),
                 (["--credentials", credentials], credentials), ([], credentials),
                 ([], ca), ([], rooms), ([], self.path("link")), ([], self.path("dangling"))]
        for arguments, file in cases:
            with self.subTest([*arguments, file]):
                before = self.content(file)
                line = self.error_line(self.exits(self.roomctl("apply", path, *arguments, "--results", file), 1))
                self.assertRegex(line, "is not replaced|would replace it|symbolic link|another name")
                self.assertEqual(self.content(file), before)
        # What is in use is spared whatever it holds.
        used = run("--base-url", self.sandbox.base_url, "--ca", results, "apply", path, "--results", results,
                   env=SANDBOX_ENVIRONMENT)
        self.assertIn("in use already", self.error_line(self.exits(used, 1)))

        self.sandbox.admin("POST", "/sandbox/reset")
        self.apply(0, path, "--results", results)
        self.assertEqual(len(self.results()), 1)

    def test_results_do_not_replace_the_manifest_on_standard_input(self):
        for name, text in [("rooms.jsonl", json_lines([room(1)])), ("results.jsonl", "")]:
            path = self.manifest(text, name)
            with open(path, encoding="utf-8") as file:
                result = self.roomctl("apply", "-", "--results", path, stdin=file)
            self.exits(result, 1)
            self.assertIn("would replace it", result.stderr)
            self.assertEqual(os.path.getsize(path), len(text))

    def test_results_may_go_to_standard_output(self):
        path = self.manifest([room(n) for n in range(3)])
        for target in ["/dev/stdout", "/dev/fd/1"]:
            with self.subTest(target):
                self.sandbox.admin("POST", "/sandbox/reset")
                with open(self.path("out"), "w+", encoding="utf-8") as out:
                    out.write("before\n")
                    out.flush()
                    subprocess.run([*harness.PROGRAM, *self.sandbox.arguments(), "--json", "apply", path,
                                    "--max-in-flight", "1", "--results", target], stdout=out, check=True,
                                   env=clean_environment(**SANDBOX_ENVIRONMENT), timeout=harness.LIMIT)
                    out.seek(0)
                    before, *lines = out.read().splitlines()
                self.assertEqual(before, "before")
                told = [json.loads(line) for line in lines]
                self.assertEqual([r.get("index") for r in told], [0, 1, 2, None])

    def test_closed_descriptors_are_not_taken_for_files(self):
        path = self.manifest([room(n) for n in range(3)])
        journal = ["--journal", self.path("journal"), "--results", self.path("results.jsonl")]
        command = [*harness.PROGRAM, *self.sandbox.arguments(), "apply", path, *journal]
        for closed in ["<&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "<&- 2>&-"]:
            with self.subTest(closed):
                self.sandbox.admin("POST", "/sandbox/reset")
                self.create("match-1")  # so that there is something to tell
                self.forget_results()
                result = subprocess.run(["bash", "-c", f'exec "$@" {closed}', "bash", *command], check=False,
                                        env=clean_environment(**SANDBOX_ENVIRONMENT), timeout=harness.LIMIT,
                                        capture_output=True)
                self.assertEqual(result.returncode, 3)
                self.assertEqual(len(self.results()), 3)
                self.assertEqual(self.apply(3, path, *journal)["journaled"], 2)
                os.unlink(self.path("journal"))

    def test_crash_leaves_no_core_behind(self):
        """Which holds the credentials."""
        def may_dump():
            hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

        running = self.stalled_apply("match-1", self.manifest([room(1)]), preexec_fn=may_dump, cwd=self.folder)
        running.interrupt(signal.SIGQUIT)
        _, status = os.waitpid(running.process.pid, 0)
        running.process.returncode = -os.WTERMSIG(status)
        self.assertEqual(os.WTERMSIG(status), signal.SIGQUIT)
        self.assertFalse(os.WCOREDUMP(status))

    def test_results_can_be_followed(self):
        path = self.manifest([room(n) for n in range(5)])
        running = self.stalled_apply("match-4", path, "--max-in-flight", "1", "--results", self.path("results.jsonl"))
        while len(self.results()) < 4:
            self.assertIsNone(running.process.poll())

    def test_results_and_summary_are_safe_to_look_at(self):
        name = "match-\u202e\u2028"
        path = self.manifest([{"op": "get", "roomId": name}])
        result = self.exits(self.roomctl("apply", path, "--results", self.path("results.jsonl")), 3)
        with open(self.path("results.jsonl"), encoding="utf-8") as file:
            line = self.one_line(file.read())
        self.assertEqual(json.loads(line)["roomId"], name)
        for text in [line, result.stdout.replace("\n", ""), result.stderr.replace("\n", "")]:
            self.assertTrue(text.isprintable(), text)


if __name__ == "__main__":
    main()
