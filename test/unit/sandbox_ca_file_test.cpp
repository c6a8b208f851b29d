// SPDX-License-Identifier: BSL-1.0
#include "src/sandbox/ca_file.hpp"
#include "support/scratch_folder.hpp"

#include <watchers/rooms/sandbox.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

// Row 93: the server writes its certificate by the rule for all files that are written.

namespace {

using watchers::rooms::sandbox::detail::write_ca_file;
using watchers::rooms::test::scratch_folder;

const std::string pem = "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n";

std::string content_of(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write(const std::string& path, const std::string& content)
{
    std::ofstream(path, std::ios::binary) << content;
}

std::string refusal_of(const std::string& path)
{
    try {
        write_ca_file(path, pem);
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return {};
}

} // namespace

TEST_CASE("fault_93_sandbox_certificate_goes_into_a_new_file_or_replaces_a_certificate")
{
    for (const std::string& before : {std::string(), pem + pem + "longer"}) {
        CAPTURE(before);
        // Setup
        const scratch_folder folder;
        const std::string path = folder.file(1);
        if (!before.empty()) write(path, before);

        // Run
        write_ca_file(path, pem);
        write_ca_file(path, pem);

        // Check
        CHECK(content_of(path) == pem);
    }
}

TEST_CASE("fault_93_sandbox_server_writes_its_certificate_by_that_rule")
{
    // Setup
    const scratch_folder folder;
    const std::string path = folder.file(1);
    const std::string target = folder.file(2);
    const watchers::rooms::sandbox::server server;

    // Run
    server.write_ca(path);
    REQUIRE(::symlink(target.c_str(), folder.file(3).c_str()) == 0);

    // Check
    CHECK(content_of(path) == server.ca_pem());
    CHECK_THROWS_AS(server.write_ca(folder.file(3)), std::runtime_error);
    CHECK(::access(target.c_str(), F_OK) != 0);
}

TEST_CASE("fault_93_sandbox_certificate_replaces_nothing_else_follows_no_link_and_does_not_wait")
{
    const scratch_folder folder;
    const std::string path = folder.file(1);
    const std::string target = folder.file(2);
    const struct
    {
        const char* context;
        std::function<void()> arrange;
        const char* expected;
    } rows[] = {
        {"symbolic link", [&] { REQUIRE(::symlink(target.c_str(), path.c_str()) == 0); }, "symbolic link"},
        {"symbolic link to nothing", [&] { REQUIRE(::symlink("nothing", path.c_str()) == 0); },
         "symbolic link"},
        {"hard link", [&] { REQUIRE(::link(target.c_str(), path.c_str()) == 0); }, "hard link"},
        {"another text", [&] { write(path, "key = secret\n"); }, "something other than a certificate"},
        {"a shorter text", [&] { write(path, "-----BEGIN"); }, "something other than a certificate"},
        {"pipe", [&] { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }, "not a regular file"},
        {"folder", [&] { REQUIRE(::mkdir(path.c_str(), 0700) == 0); }, "cannot be written"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.context);
        // Setup
        write(target, pem + "target");
        row.arrange();
        struct stat before = {};
        REQUIRE(::lstat(path.c_str(), &before) == 0);

        // Run
        const std::string refusal = refusal_of(path);

        // Check
        CHECK(refusal.find(path) == 0);
        CHECK(refusal.find(row.expected) != std::string::npos);
        CHECK(content_of(target) == pem + "target");
        struct stat after = {};
        REQUIRE(::lstat(path.c_str(), &after) == 0);
        CHECK(after.st_ino == before.st_ino);
        CHECK(after.st_size == before.st_size);
        ::unlink(path.c_str());
        ::rmdir(path.c_str());
    }
    CHECK(refusal_of("/dev/null").find("/dev/null: is not a regular file") == 0);
    CHECK(refusal_of(folder.file(9) + "/missing").find("cannot be written: ") != std::string::npos);
}
