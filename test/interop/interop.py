#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs interop_client against nginx (proxying to the sandbox) or against Node's https server.

Exit status 77 (a skip) when the server is not installed; under CI=true that is a failure.
"""

import argparse
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
START_LIMIT_S = 30


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        print(f"{name} is not installed")
        sys.exit(1 if os.environ.get("CI") == "true" else SKIPPED)
    return found


def make_certificates(folder):
    """ca.pem, server.pem and server.key, for 127.0.0.1."""
    openssl = program("openssl")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    (folder / "server.ext").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n", encoding="utf-8")
    for command in (
        ["req", "-x509", *key, "-days", "2", "-subj", "/CN=Interop CA", "-keyout", "ca.key", "-out", "ca.pem"],
        ["req", *key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"],
        ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
         "-extfile", "server.ext", "-out", "server.pem"],
    ):
        subprocess.run([openssl, *command], cwd=folder, check=True, stderr=subprocess.DEVNULL)


def start_printing_port(command):
    """A server that prints its port first and ends with its standard input."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline().strip()
    if not line.isdigit():
        process.kill()
        raise RuntimeError(f"{command[0]} did not tell its port but {line!r}")
    return process, int(line)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def start_nginx(folder, backend_port):
    nginx = program("nginx")
    template = (HERE / "nginx.conf.in").read_text(encoding="utf-8")
    for _ in range(5):  # someone may take the port between our look and nginx's
        port = free_port()
        text = template.replace("@DIR@", str(folder)).replace("@PORT@", str(port)).replace("@BACKEND@", str(backend_port))
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        process = subprocess.Popen([nginx, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")])
        limit = time.monotonic() + START_LIMIT_S
        while process.poll() is None and time.monotonic() < limit:
            if accepts(port):
                return process, port
            time.sleep(0.02)
        process.kill()
        process.wait()
    raise RuntimeError("nginx does not start")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", choices=("nginx", "node"))
    parser.add_argument("--client", required=True)
    parser.add_argument("--backend", required=True)
    parser.add_argument("--lives", default="200")
    arguments = parser.parse_args()

    processes = []
    with tempfile.TemporaryDirectory(prefix="watchers-rooms-interop-") as name:
        folder = pathlib.Path(name)
        try:
            make_certificates(folder)
            if arguments.server == "nginx":
                program("nginx")
                backend, backend_port = start_printing_port([arguments.backend])
                processes.append(backend)
                server, port = start_nginx(folder, backend_port)
            else:
                server, port = start_printing_port(
                    [program("node"), str(HERE / "node_server.js"), str(folder / "server.pem"), str(folder / "server.key")])
            processes.append(server)
            command = [arguments.client, f"https://127.0.0.1:{port}", str(folder / "ca.pem"), arguments.lives]
            return subprocess.run(command, check=False).returncode and 1
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


if __name__ == "__main__":
    sys.exit(main())
