#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks the layers by the #include lines: values <- sansio <- io <- facade <- sandbox, roomctl, bench, tests.

    check_layers.py ROOT     exit 1 and one line per breach
    check_layers.py          the checker's own test: it has to find the breaches planted in small trees
"""

import pathlib
import re
import sys
import tempfile

PREFIX = "watchers/rooms/"
SEPARATE = "WATCHERS_ROOMS_SEPARATE_COMPILATION"
VALUES = {"room", "error", "config", "credentials", "retry", "diagnostics", "observer", "stats", "bulk", "operation",
          "is_printable"}

# layer of the including file -> what it may not include, as (pattern of the include, reason)
ASIO = (r"boost/asio(/|\.hpp)", "knows no executor, timer or socket")
BEAST = (r"boost/beast(/|\.hpp)", "knows no Beast")
TLS = (r"openssl/|boost/asio/ssl(/|\.hpp)", "knows no TLS")
JSON = (r"boost/json(\.hpp|/src\.hpp|/impl/)", "must not pay for Boost.JSON's implementation")
IMPL = (PREFIX + r"impl/", "is written against the public headers")
FACADE = (PREFIX + r"(client|with_diagnostics|sandbox|src)\.hpp|watchers/rooms\.hpp", "is below the facade")
FORBIDDEN = {
    "public": [BEAST, TLS, JSON, (PREFIX + r"impl/", f"may include impl/ only inside #ifndef {SEPARATE}")],
    "values": [ASIO, FACADE],
    "sansio": [ASIO, TLS, FACADE,
               (PREFIX + r"impl/(?!sansio/|wipe\.)", "is below the shell"),  # wiping belongs to the values
               (PREFIX + r"(observer|stats)\.hpp", "observes nothing")],
    "io": [FACADE, (PREFIX + r"impl/(?!wipe\.)[^/]*$", "is below the facade")],
    "user": [IMPL],
    "facade": [],
    "other": [],
}


def layers_of(path):
    """The layers whose rules hold for a file, by its path from the root."""
    if path.startswith("include/" + PREFIX + "impl/sansio/"):
        return ["sansio"]
    if path.startswith("include/" + PREFIX + "impl/io/"):
        return ["io"]
    if path.startswith("include/" + PREFIX + "impl/"):
        return ["facade"]
    if path == "include/" + PREFIX + "src.hpp":
        return ["facade"]
    if path.startswith("include/"):
        stem = path[len("include/" + PREFIX):-len(".hpp")]
        return ["public", "values"] if stem in VALUES else ["public"]
    if path.startswith(("src/sandbox/", "src/roomctl/", "bench/", "test/example/", "test/install/", "test/interop/")):
        return ["user"]
    return ["other"]


def includes_of(text):
    """Yields (line number, included path, quoted, inside the header-only branch)."""
    branches = []  # of each open #if: is this branch the header-only one?
    for number, line in enumerate(text.splitlines(), 1):
        directive = re.match(r"\s*#\s*(\w+)\s*(.*)", line)
        if not directive:
            continue
        name, rest = directive.groups()
        if name in ("if", "ifdef", "ifndef"):
            negated = re.match(rf"!\s*defined\s*\(?\s*{SEPARATE}\b", rest) and "|" not in rest
            branches.append(bool((name == "ifndef" and rest.split()[:1] == [SEPARATE]) or (name == "if" and negated)))
        elif name in ("else", "elif") and branches:
            branches[-1] = False
        elif name == "endif" and branches:
            branches.pop()
        elif name == "include":
            target = re.match(r'([<"])([^>"]+)[>"]', rest)
            if target:
                yield number, target.group(2), target.group(1) == '"', any(branches)


def check(root):
    """All breaches of a tree, as lines of text, and the number of files read."""
    breaches, files = [], 0
    for file in sorted(root.glob("**/*")):
        path = file.relative_to(root).as_posix()
        if not path.startswith(("include/", "src/", "bench/", "test/")) or file.suffix not in (".hpp", ".ipp", ".cpp"):
            continue
        files += 1
        text = file.read_text(encoding="utf-8")
        layers = layers_of(path)
        header_only_seen = False
        for number, target, quoted, header_only in includes_of(text):
            where = f"{path}:{number}"
            if quoted and path.startswith("include/"):
                breaches.append(f'{where}: "{target}": installed headers include by <watchers/...>')
            if quoted:
                beside = (file.parent / target).resolve()
                include = (root / "include").resolve()
                if beside.is_relative_to(include):
                    target = beside.relative_to(include).as_posix()
            if "public" in layers and header_only:
                header_only_seen = True
                continue
            if "public" in layers and header_only_seen:
                breaches.append(f"{where}: <{target}>: the header-only include of impl/ comes last")
            for layer in layers:
                for pattern, reason in FORBIDDEN[layer]:
                    if re.match(pattern, target):
                        breaches.append(f"{where}: <{target}>: {layer} {reason}")
    return breaches, files


def self_test():
    """Plants each breach in a tree of its own."""
    guarded = f"#ifndef {SEPARATE}\n#include <watchers/rooms/impl/client.ipp>\n#endif\n"
    cases = [  # path, text, a word of the expected breach or None
        ("include/watchers/rooms/room.hpp", "#include <string>\n", None),
        ("include/watchers/rooms/room.hpp", "#include <boost/asio/any_io_executor.hpp>\n", "values knows no executor"),
        ("include/watchers/rooms/config.hpp", "  #  include <boost/asio/steady_timer.hpp>\n", "values knows no executor"),
        ("include/watchers/rooms/error.hpp", "#include <watchers/rooms/client.hpp>\n", "below the facade"),
        ("include/watchers/rooms/client.hpp", "#include <boost/asio/async_result.hpp>\n" + guarded, None),
        ("include/watchers/rooms/client.hpp", guarded + "#include <string>\n", "comes last"),
        ("include/watchers/rooms/client.hpp", "#include <watchers/rooms/impl/client.ipp>\n", "only inside"),
        ("include/watchers/rooms/client.hpp", guarded.replace("#ifndef", "#ifdef"), "only inside"),
        ("include/watchers/rooms/client.hpp", guarded.replace("#include", "#else\n#include"), "only inside"),
        ("include/watchers/rooms/client.hpp", "#include <boost/beast/http.hpp>\n", "no Beast"),
        ("include/watchers/rooms/client.hpp", "#include <boost/asio/ssl/context.hpp>\n", "no TLS"),
        ("include/watchers/rooms/client.hpp", "#include <boost/asio/ssl.hpp>\n", "no TLS"),
        ("include/watchers/rooms/detail/x.hpp", "#include <openssl/ssl.h>\n", "no TLS"),
        ("include/watchers/rooms/detail/x.hpp", "#include <boost/json.hpp>\n", "Boost.JSON"),
        ("include/watchers/rooms/detail/x.hpp", "#include <boost/json/src.hpp>\n", "Boost.JSON"),
        ("include/watchers/rooms/detail/x.hpp", "#include <boost/json/fwd.hpp>\n", None),
        ("include/watchers/rooms/client.hpp", '#include "room.hpp"\n', "include by <watchers/...>"),
        ("include/watchers/rooms.hpp", "#include <boost/beast.hpp>\n", "no Beast"),
        ("include/watchers/rooms/impl/sansio/codec.hpp", "#include <boost/json/basic_parser_impl.hpp>\n", None),
        ("include/watchers/rooms/impl/sansio/codec.hpp", "#include <boost/asio/buffer.hpp>\n", "sansio knows no executor"),
        ("include/watchers/rooms/impl/sansio/codec.ipp", "#include <openssl/err.h>\n", "sansio knows no TLS"),
        ("include/watchers/rooms/impl/sansio/codec.hpp", "#include <watchers/rooms/impl/io/pool.hpp>\n", "below the shell"),
        ("include/watchers/rooms/impl/sansio/codec.hpp", "#include <watchers/rooms/impl/client_impl.hpp>\n", "below the shell"),
        ("include/watchers/rooms/impl/sansio/codec.hpp", "#include <watchers/rooms/impl/wipe.hpp>\n", None),
        ("include/watchers/rooms/impl/io/pool.hpp", "#include <watchers/rooms/impl/sansio/pool_core.hpp>\n", None),
        ("include/watchers/rooms/impl/io/pool.hpp", "#include <watchers/rooms/impl/client.ipp>\n", "below the facade"),
        ("include/watchers/rooms/impl/io/pool.ipp", "#include <watchers/rooms/impl/wipe.ipp>\n", None),
        ("include/watchers/rooms/impl/io/pool.hpp", "#include <watchers/rooms/client.hpp>\n", "below the facade"),
        ("src/sandbox/server.cpp", "#include <boost/beast/http.hpp>\n", None),
        ("src/sandbox/server.cpp", "#include <watchers/rooms/impl/sansio/codec.hpp>\n", "user is written against"),
        ("src/roomctl/main.cpp", '#include "../../include/watchers/rooms/impl/io/pool.hpp"\n', "user is written against"),
        ("test/unit/codec_test.cpp", "#include <watchers/rooms/impl/sansio/codec.hpp>\n", None),
    ]
    failures = 0
    for path, text, expected in cases:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / path).parent.mkdir(parents=True)
            (root / path).write_text(text, encoding="utf-8")
            breaches, files = check(root)
        found = files == 1 and (not breaches if expected is None else any(expected in breach for breach in breaches))
        if not found:
            failures += 1
            print(f"self-test: {path} with {text!r}: expected {expected!r}, found {breaches}")
    print(f"{len(cases)} cases, {failures} failures")
    return failures


def main():
    if len(sys.argv) == 1:
        return 1 if self_test() else 0
    breaches, files = check(pathlib.Path(sys.argv[1]))
    for breach in breaches:
        print(breach)
    print(f"{files} files, {len(breaches)} breaches")
    return 1 if breaches or not files else 0


if __name__ == "__main__":
    sys.exit(main())
