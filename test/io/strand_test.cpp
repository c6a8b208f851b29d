// SPDX-License-Identifier: BSL-1.0
// How long a client keeps the strand that guards it.
#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/sansio/origin.hpp>

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace {

using namespace watchers::rooms;

// Without names and connections.
class idle_environment final : public detail::environment
{
public:
    idle_environment(boost::asio::io_context& io, bool& let_go)
        : callers_(io.get_executor())
        , guard_(boost::asio::make_strand(io))
        , let_go_(let_go)
    {}

    void listen(std::weak_ptr<listener>) override {}
    boost::asio::any_io_executor executor() const override { return guard_; }
    boost::asio::any_io_executor callers_executor() const override { return callers_; }
    detail::clock::time_point now() const noexcept override { return {}; }
    std::uint64_t random() noexcept override { return 0; }
    void wake_at(detail::clock::time_point) override {}
    bool resolving() const noexcept override { return false; }
    void resolve() override {}
    std::shared_ptr<detail::transport> make_transport() override { return nullptr; }
    void work_started() noexcept override {}
    void work_finished() noexcept override {}
    void abandon() noexcept override {}
    void let_go_of_strand() noexcept override { let_go_ = true; }

private:
    boost::asio::any_io_executor callers_;
    boost::asio::any_io_executor guard_;
    bool& let_go_;
};

} // namespace

// Row 73. A strand that outlives its context reads freed memory. A client that is destroyed while the context
// lives must keep it: other threads may still run the client's I/O.
TEST_CASE("fault_73_the_strand_is_let_go_of_with_the_context_and_not_with_the_client")
{
    for (const bool context_is_destroyed : {false, true}) {
        CAPTURE(context_is_destroyed);
        // Setup
        boost::asio::io_context io;
        bool let_go = false;
        const config c{credentials("key", "token")};
        std::string why;
        const auto origin = detail::parse_origin("https://rooms.example", false, why);
        REQUIRE(origin);
        const auto e =
            std::make_shared<detail::engine>(std::make_unique<idle_environment>(io, let_go), c, *origin);
        e->open();
        REQUIRE(e->executor() != e->home().callers());

        // Run
        if (context_is_destroyed)
            e->abandon();
        else
            e->stop();

        // Check
        CHECK(let_go == context_is_destroyed);
        CHECK((e->executor() == e->home().callers()) == context_is_destroyed);
        CHECK(e->home().separate());
    }
}
