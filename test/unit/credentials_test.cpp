// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/config.hpp>
#include <watchers/rooms/credentials.hpp>
#include <watchers/rooms/impl/sansio/origin.hpp>
#include <watchers/rooms/impl/sansio/request_builder.hpp>
#include <watchers/rooms/impl/wipe.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <cstring>
#include <memory>
#include <new>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

using namespace watchers::rooms;

namespace {

template <class T>
concept streamable = requires(std::ostream& out, const T& v) { out << v; };

constexpr std::string_view canary = "canary-canary-canary-canary-canary"; // too long for a short string

// The bytes of an object's memory after its destruction.
template <class T>
class corpse
{
public:
    template <class... Args>
    explicit corpse(Args&&... args)
    {
        std::memset(memory_, 0x55, sizeof memory_);
        std::destroy_at(::new (static_cast<void*>(memory_)) T(std::forward<Args>(args)...));
    }
    std::string_view bytes() const { return {reinterpret_cast<const char*>(memory_), sizeof memory_}; }

private:
    alignas(T) unsigned char memory_[sizeof(T)];
};

} // namespace

TEST_CASE("secret_has_no_output_and_no_comparison")
{
    static_assert(!streamable<secret>);
    static_assert(!streamable<credentials>);
    static_assert(!std::equality_comparable<secret>);
    static_assert(!std::convertible_to<secret, std::string_view>);
    static_assert(!std::convertible_to<std::string, secret>);
    CHECK(secret("x").reveal() == "x");
}

TEST_CASE("secret_copies_moves_and_assigns")
{
    secret a(canary);
    const secret b = a;
    CHECK(a.reveal() == canary);
    CHECK(b.reveal() == canary);

    secret c = std::move(a);
    CHECK(c.reveal() == canary);
    CHECK(a.empty());

    c = secret("other");
    CHECK(c.reveal() == "other");
    secret& same = c;
    c = std::move(same);
    CHECK(c.reveal() == "other");
    CHECK(secret().empty());
}

TEST_CASE("wipe_text_overwrites_all_memory_of_a_string")
{
    std::string text(canary);
    text.resize(8); // what is beyond the size counts, too
    const std::size_t capacity = text.capacity();
    const char* const memory = text.data();

    detail::wipe_text(text);

    INFO("faults.md Security, secrets wiped");
    CHECK(text.empty());
    CHECK(text.capacity() == capacity);
    REQUIRE(text.data() == memory);
    CHECK(std::string_view(memory, capacity) ==
          std::string(capacity, '\0')); // the string still owns these bytes
}

TEST_CASE("short_secret_gone_from_the_object_itself")
{
    INFO("faults.md Security, secrets wiped");
    CHECK(corpse<secret>("shortkey").bytes().find("shortkey") == std::string_view::npos);

    secret from("shortkey");
    const secret to = std::move(from);
    CHECK(std::string_view(reinterpret_cast<const char*>(&from), sizeof from).find("shortkey") ==
          std::string_view::npos);
}
