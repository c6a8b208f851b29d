// SPDX-License-Identifier: BSL-1.0
#include "simulation.hpp"

#include "allocation_gate.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace watchers::rooms::test {

namespace {

// A system call that needs memory of its own.
void allocate_as_the_system_does() { ::operator delete(::operator new(1)); }

class flag_guard
{
public:
    explicit flag_guard(bool& f) noexcept : flag_(f), before_(f) { flag_ = true; }
    flag_guard(const flag_guard&) = delete;
    flag_guard& operator=(const flag_guard&) = delete;
    ~flag_guard() { flag_ = before_; }

private:
    bool& flag_;
    bool before_;
};

} // namespace

void scripted_transport::listen(listener& l) noexcept
{
    if (is_closed()) simulation_.breach("listen() after close()");
    listener_ = &l;
}

void scripted_transport::connect(const detail::endpoint& e)
{
    if (stage_ != stage::made) simulation_.breach("connect() twice");
    if (listener_ == nullptr) simulation_.breach("connect() without a listener");
    allocate_as_the_system_does();
    to_ = e;
    stage_ = stage::connecting;
}

void scripted_transport::secure()
{
    if (stage_ != stage::connected) simulation_.breach("secure() on what is not connected");
    allocate_as_the_system_does();
    stage_ = stage::securing;
}

bool scripted_transport::send(std::string_view bytes)
{
    if (stage_ != stage::ready) simulation_.breach("send() on what is not ready");
    allocate_as_the_system_does();
    const allocation_gate::uncounted guard;
    requests_.emplace_back(bytes);
    return takes_all;
}

void scripted_transport::close() noexcept
{
    listener_ = nullptr;
    stage_ = stage::closed;
}

template <class F>
void scripted_transport::deliver(F f)
{
    if (listener_ == nullptr || is_closed()) return;
    simulation_.enter([this, self = shared_from_this(), &f] { f(*listener_); });
}

void scripted_transport::connected(error_code ec)
{
    if (!ec && stage_ == stage::connecting) stage_ = stage::connected;
    deliver([&](listener& l) { l.on_connected(*this, ec); });
}

void scripted_transport::secured(error_code ec, error_code cause)
{
    if (!ec && stage_ == stage::securing) stage_ = stage::ready;
    deliver([&](listener& l) { l.on_secured(*this, ec, cause); });
}

void scripted_transport::data(std::string_view bytes)
{
    deliver([&](listener& l) { l.on_data(bytes); });
}

void scripted_transport::settled()
{
    deliver([](listener& l) { l.on_settled(); });
}

void scripted_transport::written()
{
    deliver([](listener& l) { l.on_written(); });
}

void scripted_transport::ended(error_code ec, bool clean)
{
    deliver([&](listener& l) { l.on_closed(ec, clean); });
    if (!is_closed()) simulation_.breach("a connection that ended was not closed");
}

void scripted_transport::refused(errc why, error_code cause)
{
    deliver([&](listener& l) { l.on_refused(why, cause); });
    if (!is_closed()) simulation_.breach("a connection that was refused was not closed");
}

void scripted_transport::reset() { ended(boost::asio::error::connection_reset, false); }

void scripted_transport::half_close() { ended({}, true); }

void scripted_transport::cut_off() { ended(boost::asio::error::eof, false); }

class simulation::mock_environment final : public detail::environment
{
public:
    explicit mock_environment(simulation& s) : simulation_(s), guard_(s.io_->get_executor())
    {
        if (s.guarded_by_strand) guard_ = boost::asio::make_strand(s.io_->get_executor());
    }

    void listen(std::weak_ptr<listener> l) override { simulation_.listener_ = std::move(l); }
    boost::asio::any_io_executor executor() const override { return guard_; }
    boost::asio::any_io_executor callers_executor() const override { return simulation_.io_->get_executor(); }
    detail::clock::time_point now() const noexcept override { return simulation_.now_; }
    std::chrono::system_clock::time_point wall_clock() const noexcept override
    {
        return simulation_.wall_clock();
    }
    std::uint64_t random() noexcept override { return simulation_.next_random; }

    void wake_at(detail::clock::time_point when) override
    {
        if (simulation_.abandoned_) return;
        if (simulation_.alarm_ && *simulation_.alarm_ < when) simulation_.breach("an alarm was put off");
        allocate_as_the_system_does(); // the former alarm stays if there is no memory
        simulation_.alarm_ = when;
    }

    bool resolving() const noexcept override { return simulation_.resolving_; }

    void resolve() override
    {
        if (simulation_.resolving_) simulation_.breach("resolve() while resolving");
        allocate_as_the_system_does();
        if (simulation_.abandoned_) return;
        simulation_.resolving_ = true;
        ++simulation_.resolutions_;
    }

    std::shared_ptr<detail::transport> make_transport() override
    {
        auto t = std::make_shared<scripted_transport>(simulation_);
        t->takes_all = simulation_.takes_all;
        const allocation_gate::uncounted guard;
        simulation_.transports_.push_back(t);
        return t;
    }

    void work_started() noexcept override { ++simulation_.work_; }
    void work_finished() noexcept override { --simulation_.work_; }

    void abandon() noexcept override
    {
        simulation_.abandoned_ = true;
        simulation_.alarm_.reset();
        simulation_.resolving_ = false;
    }

private:
    simulation& simulation_;
    boost::asio::any_io_executor guard_;
};

simulation::simulation() : io_(std::make_unique<boost::asio::io_context>(1)) {}

simulation::~simulation() = default;

std::unique_ptr<detail::environment> simulation::make_environment()
{
    return std::make_unique<mock_environment>(*this);
}

void simulation::advance(std::chrono::nanoseconds by)
{
    const auto target = now_ + by;
    while (alarm_ && *alarm_ <= target) {
        now_ = std::max(now_, *alarm_);
        wake_early();
        poll();
    }
    now_ = target;
}

void simulation::wake_early()
{
    alarm_.reset();
    enter([this] {
        if (const auto l = listener_.lock()) l->on_wake();
    });
}

void simulation::resolved(error_code ec, std::vector<detail::endpoint> addresses)
{
    if (!resolving_) return;
    enter([this, ec, &addresses] {
        resolving_ = false;
        if (const auto l = listener_.lock()) l->on_resolved(ec, std::move(addresses));
    });
}

void simulation::resolved(std::size_t addresses)
{
    std::vector<detail::endpoint> all;
    for (std::size_t i = 1; i <= addresses; ++i)
        all.push_back(address(i));
    resolved({}, std::move(all));
}

detail::endpoint simulation::address(std::size_t n)
{
    const boost::asio::ip::address_v4::bytes_type bytes{192, 0, 2, static_cast<unsigned char>(n)};
    return {boost::asio::ip::address_v4(bytes), 443};
}

void simulation::poll()
{
    if (!io_) return;
    enter([this] {
        io_->restart();
        io_->poll();
    });
}

void simulation::breach(std::string_view what) noexcept
{
    const allocation_gate::uncounted guard;
    breaches_.append(what).append("\n");
}

void simulation::enter(const std::function<void()>& f)
{
    if (inside_) breach("the engine was entered while it was at work");
    const flag_guard inside(inside_);
    const allocation_gate::counted guard;
    f();
}

} // namespace watchers::rooms::test
