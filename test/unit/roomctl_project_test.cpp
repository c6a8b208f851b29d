// SPDX-License-Identifier: BSL-1.0
#include "../../src/roomctl/project_identity.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace {

namespace rooms = watchers::rooms;

rooms::config config_of(std::string_view url, std::string_view key, std::string_view token = "token")
{
    rooms::config c(rooms::credentials(key, token));
    c.base_url = url;
    return c;
}

} // namespace

TEST_CASE(
    "fault_77: a project's fingerprint is that of its API key, and stays the same from version to version")
{
    // printf 'roomctl project\0key-of-a' | sha256sum | cut -c1-16
    CHECK(roomctl::project_of(rooms::secret("key-of-a")) == "5e2fdcc26e64d92b");

    std::set<std::string> all;
    for (const char* const key : {"a", "b", "A", "aa", "a ", "key-of-a", "key-of-b"})
        all.insert(roomctl::project_of(rooms::secret(key)));
    CHECK(all.size() == 7);
}

TEST_CASE("fault_77: a service is its URL, spelled in one way, and its project")
{
    const std::string a = roomctl::service_of(config_of("https://api.example", "a"));
    CHECK(a == "https://api.example project " + roomctl::project_of(rooms::secret("a")));
    for (const char* const url :
         {"HTTPS://API.example/", "https://api.example:443", "https://api.example:443/"}) {
        CAPTURE(url);
        CHECK(roomctl::service_of(config_of(url, "a")) == a);
    }
    CHECK(roomctl::service_of(config_of("https://api.example", "a", "another token")) == a);
    CHECK(roomctl::service_of(config_of("https://api.example", "b")) != a);
    CHECK(roomctl::service_of(config_of("https://api.example:444", "a")) != a);
}

TEST_CASE("fault_77: the difference of two services tells what to do")
{
    const std::string ours = roomctl::service_of(config_of("https://api.example", "a"));
    const struct
    {
        std::string of_file;
        const char* what;
        const char* remedy;
    } rows[] = {
        {roomctl::service_of(config_of("https://api.example", "b")),
         "is of another project, or the API key was changed", "Use the API key of that project"},
        {roomctl::service_of(config_of("https://other.example", "a")),
         "is of another service, https://other.example", "Use the URL of that service"},
        {roomctl::service_of(config_of("https://other.example", "b")),
         "is of another service, https://other.example", "Use the URL of that service"},
        {"https://api.example", "does not name its project",
         "If it is of this project, give --accept-project"},
        {"https://other.example", "is of another service, https://other.example",
         "Use the URL of that service"},
        {"", "is of another service", "move the file away"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.of_file);
        const roomctl::service_difference d = roomctl::compare_services(row.of_file, ours);
        CHECK(d.what.starts_with(row.what));
        CHECK(d.remedy.find(row.remedy) != std::string::npos);
    }
}

TEST_CASE("fault_77: services of one URL differ at most by their project")
{
    const std::string ours = roomctl::service_of(config_of("https://api.example", "a"));
    CHECK(roomctl::is_same_origin(ours, ours));
    CHECK(roomctl::is_same_origin(ours, roomctl::service_of(config_of("https://API.example/", "b"))));
    CHECK(roomctl::is_same_origin("https://api.example", ours));
    CHECK_FALSE(
        roomctl::is_same_origin(ours, roomctl::service_of(config_of("https://api.example:444", "a"))));
    CHECK_FALSE(roomctl::is_same_origin("", ours));
}
