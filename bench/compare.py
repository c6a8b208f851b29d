#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs rooms_bench and its peers interleaved against one server and prints their ratios to the idiomatic loop.

Needs nginx, openssl, taskset, and valgrind for the instruction counts. See README.md for how the figures are read.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
REFERENCE = "bench_beast_loop"
LIBRARY = "rooms_bench"
STRAND = "rooms_bench_strand"  # the same file with other arguments
PROGRAMS = {
    REFERENCE: "idiomatic Beast loop",
    LIBRARY: "watchers::rooms, single",
    STRAND: "watchers::rooms, strand",
    "rooms_bulk_bench": "watchers::rooms, one bulk run",
    "bench_curl_multi": "libcurl multi",
}
COMMANDS = {STRAND: [LIBRARY, "--threading", "strand"]}
BAR_WORKLOAD, BAR_CONNECTIONS = "W1", 16
RUN_TIMEOUT_S = 600


class Failure(Exception):
    """A program or the server failed; the text says how."""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", type=pathlib.Path, help="CMake's build folder (default: build)")
    parser.add_argument("--rounds", default=7, type=positive, help="runs of each program in each cell (default: 7)")
    parser.add_argument("--requests", default=40000, type=positive, help="requests in a run (default: 40000)")
    parser.add_argument("--connections", default="1,16,64", type=counts, help="default: 1,16,64")
    parser.add_argument("--workloads", default="W1,W2", type=workloads, help="default: W1,W2")
    parser.add_argument("--only", type=programs, help="programs to compare with the reference, by name, separated by commas")
    parser.add_argument("--reference", default=REFERENCE, type=program,
                        help=f"program that the ratios are to (default: {REFERENCE})")
    parser.add_argument("--no-callgrind", action="store_true", help="do not count instructions")
    parser.add_argument("--callgrind-requests", default=1000, type=positive, help="requests counted (default: 1000)")
    parser.add_argument("--client-cpu", default="0", help="processor of the programs, or 'any' (default: 0)")
    parser.add_argument("--server-cpu", default="1", help="processor of the server, or 'any' (default: 1)")
    parser.add_argument("--bar", type=float, metavar="RATIO",
                        help=f"fail when {LIBRARY}'s ratio of instructions or of CPU time is above RATIO "
                             f"for {BAR_WORKLOAD} at {BAR_CONNECTIONS} connections")
    arguments = parser.parse_args()
    if arguments.bar is not None and (arguments.reference != REFERENCE or BAR_WORKLOAD not in arguments.workloads
                                      or BAR_CONNECTIONS not in arguments.connections
                                      or (arguments.only is not None and LIBRARY not in arguments.only)):
        parser.error(f"--bar judges {LIBRARY}, {BAR_WORKLOAD}, {BAR_CONNECTIONS} connections: measure that")
    return arguments


def positive(text):
    value = int(text)
    if value <= 0:
        raise ValueError
    return value


def counts(text):
    return [positive(part) for part in text.split(",")]


def workloads(text):
    chosen = text.split(",")
    if not set(chosen) <= {"W1", "W2"}:
        raise argparse.ArgumentTypeError("W1 or W2")
    return chosen


def programs(text):
    chosen = text.split(",")
    if not set(chosen) <= set(PROGRAMS):
        raise argparse.ArgumentTypeError("known are " + ", ".join(PROGRAMS))
    return chosen


def program(text):
    return programs(text)[0]


def find_programs(build, only, reference):
    """Commands by name, the reference first. Only libcurl's program may be missing, and only when nobody asked for it."""
    wanted = [reference] + [name for name in only or PROGRAMS if name != reference]
    found = {}
    for name in wanted:
        file, *options = COMMANDS.get(name, [name])
        path = next((p for p in (build / "bench" / file, build / file) if os.access(p, os.X_OK) and p.is_file()), None)
        if path is not None:
            found[name] = [str(path.resolve()), *options]
        elif name == "bench_curl_multi" and only is None:
            print(f"{name} was not built: left out", file=sys.stderr)
        else:
            raise Failure(f"{name} is not in {build} (build it first, or choose others with --only)")
    return found


def pinned(cpu, command):
    return command if cpu == "any" else ["taskset", "-c", cpu, *command]


class Server:
    """serve.sh, until the end of the with block."""

    def __init__(self, cpu):
        self.cpu = cpu

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="rooms-bench-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(pinned(self.cpu, [str(HERE / "serve.sh"), str(self.port), self.folder]),
                                        stderr=subprocess.PIPE, text=True)
        try:
            self.wait_until_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_up(self):
        deadline = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.process.kill()
        raise Failure("the server did not start: " + self.process.communicate()[1].strip())

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def arguments(self, requests, connections, workload):
        return ["--url", f"https://127.0.0.1:{self.port}", "--ca", f"{self.folder}/ca.pem",
                "-n", str(requests), "-c", str(connections), "--workload", workload]


def run(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(command)}: no end after {RUN_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr.strip()}")
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        raise Failure(f"{' '.join(command)}: printed {done.stdout!r} instead of its line") from None


def measure(commands, server, arguments, workload, connections):
    """Per program the list of its runs. Every other round runs in reverse, so that drift favours none."""
    runs = {name: [] for name in commands}
    for round_number in range(arguments.rounds):
        order = list(commands) if round_number % 2 == 0 else list(reversed(commands))
        for name in order:
            command = [*commands[name], *server.arguments(arguments.requests, connections, workload)]
            runs[name].append(run(pinned(arguments.client_cpu, command)))
    return runs


def count_instructions(command, server, arguments, workload, connections):
    with tempfile.TemporaryDirectory(prefix="rooms-bench-") as folder:
        output = pathlib.Path(folder) / "callgrind.out"
        run(pinned(arguments.client_cpu, [
            "valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={output}",
            *command, *server.arguments(arguments.callgrind_requests, connections, workload)]))
        found = re.search(r"^totals: (\d+)", output.read_text(errors="replace"), re.MULTILINE)
    if found is None or int(found.group(1)) == 0:
        raise Failure(f"{command[0]}: callgrind counted nothing (built without valgrind/callgrind.h?)")
    return int(found.group(1)) / arguments.callgrind_requests


def per_request(runs, key):
    return statistics.median(r[key] / r["requests"] for r in runs)


def paired_ratio(runs, reference, key):
    """Median, lowest and highest of the ratios of runs in the same round."""
    ratios = [(a[key] / a["requests"]) / (b[key] / b["requests"]) for a, b in zip(runs, reference)]
    return statistics.median(ratios), min(ratios), max(ratios)


def cell(ratio):
    return f"{ratio[0]:.2f} ({ratio[1]:.2f}–{ratio[2]:.2f})"


def report(workload, connections, runs, instructions, reference):
    """Prints the rows of one cell; returns the ratios of each program to the reference."""
    ratios = {}
    for name in runs:
        cpu = paired_ratio(runs[name], runs[reference], "cpu_s")
        wall = paired_ratio(runs[name], runs[reference], "wall_s")
        row = [workload, str(connections), PROGRAMS[name],
               f"{per_request(runs[name], 'cpu_s') * 1e6:.1f}", cell(cpu),
               f"{per_request(runs[name], 'wall_s') * 1e6:.1f}", cell(wall),
               f"{per_request(runs[name], 'allocs'):.1f}"]
        ratios[name] = {"CPU": cpu[0]}
        if instructions:
            ratios[name]["instructions"] = instructions[name] / instructions[reference]
            row += [f"{instructions[name]:,.0f}", f"{ratios[name]['instructions']:.2f}"]
        print("| " + " | ".join(row) + " |", flush=True)
    return ratios


def print_head(with_instructions):
    head = ["workload", "connections", "program", "CPU µs", "CPU ratio", "wall µs", "wall ratio", "mallocs"]
    if with_instructions:
        head += ["instructions", "ratio"]
    print("| " + " | ".join(head) + " |")
    print("|---|--:|---|" + "--:|" * (len(head) - 3))


def judge(bar, ratios):
    """Whether the library is within the bar; says so."""
    within = True
    for what, ratio in ratios[BAR_WORKLOAD, BAR_CONNECTIONS][LIBRARY].items():
        passed = ratio <= bar
        within = within and passed
        print(f"bar {bar:.2f}: {what} {ratio:.3f} {'within' if passed else 'ABOVE'}")
    return within


def main():
    arguments = parse_arguments()
    commands = find_programs(arguments.build, arguments.only, arguments.reference)
    if not arguments.no_callgrind and shutil.which("valgrind") is None:
        raise Failure("valgrind is not installed (--no-callgrind leaves the instructions out)")

    print(f"Per request; medians of {arguments.rounds} rounds of {arguments.requests} requests, ratios to the "
          f"{PROGRAMS[arguments.reference]} within a round (lowest–highest); programs on CPU {arguments.client_cpu}, "
          f"server on CPU {arguments.server_cpu}.\n")
    print_head(not arguments.no_callgrind)
    ratios = {}
    with Server(arguments.server_cpu) as server:
        for workload in arguments.workloads:
            for connections in arguments.connections:
                instructions = {}
                if not arguments.no_callgrind:
                    instructions = {name: count_instructions(command, server, arguments, workload, connections)
                                    for name, command in commands.items()}
                runs = measure(commands, server, arguments, workload, connections)
                ratios[workload, connections] = report(workload, connections, runs, instructions, arguments.reference)
    print()
    return 0 if arguments.bar is None or judge(arguments.bar, ratios) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"{sys.argv[0]}: {failure}", file=sys.stderr)
        sys.exit(1)
