#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compiles a user's translation unit and fails when it includes Beast, TLS or the implementation.

    compile_cost.py SOURCE COMPILER [FLAG...]

With WATCHERS_ROOMS_CHECK_COMPILE_TIME=1 it also fails when the best of three takes more than 4 s of user CPU time.
"""

import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

LIMIT_S = 4.0
DEAR = re.compile(r"/boost/beast[/.]|/openssl/|/boost/asio/ssl[/.]|/boost/json/src\.hpp|/watchers/rooms/impl/")


def main():
    source, compiler = sys.argv[1], sys.argv[2:]
    judge_time = os.environ.get("WATCHERS_ROOMS_CHECK_COMPILE_TIME") == "1"
    with tempfile.TemporaryDirectory() as folder:
        dependencies = pathlib.Path(folder, "user.d")
        command = [*compiler, "-O0", "-MD", "-MF", str(dependencies), "-c", source, "-o", str(pathlib.Path(folder, "user.o"))]
        times = []
        for _ in range(3 if judge_time else 1):
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run(command, check=True)
            times.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
        headers = dependencies.read_text(encoding="utf-8").replace("\\\n", " ").split()

    dear = [header for header in headers if DEAR.search(header)]
    for header in dear[:20]:
        print(f"included: {header}")
    print(f"{len(headers)} files included, {len(dear)} of them must not be; {min(times):.2f} s of user CPU time")
    if not any(header.endswith("/watchers/rooms.hpp") for header in headers):
        print("error: the list of dependencies is not believable")
        return 1
    if judge_time and min(times) > LIMIT_S:
        print(f"error: more than {LIMIT_S} s")
        return 1
    return 1 if dear else 0


if __name__ == "__main__":
    sys.exit(main())
