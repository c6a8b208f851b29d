// SPDX-License-Identifier: BSL-1.0
#include "network.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>

#include <algorithm>
#include <utility>

namespace watchers::rooms::sim {

using namespace std::chrono_literals;

class network::mock_environment final : public detail::environment
{
public:
    explicit mock_environment(network& n) : network_(n), guard_(n.world_.io().get_executor()) {}

    void listen(std::weak_ptr<listener> l) override { network_.listener_ = std::move(l); }
    boost::asio::any_io_executor executor() const override { return guard_; }
    time_point now() const noexcept override { return network_.world_.now(); }
    std::chrono::system_clock::time_point wall_clock() const noexcept override
    {
        using std::chrono::system_clock;
        return system_clock::time_point(
            std::chrono::duration_cast<system_clock::duration>(now().time_since_epoch()));
    }
    std::uint64_t random() noexcept override { return network_.world_.random().next(); }

    void wake_at(time_point when) override
    {
        if (network_.abandoned_) return;
        network_.world_.set_alarm(when);
    }

    bool resolving() const noexcept override { return network_.resolving_; }

    void resolve() override
    {
        if (network_.resolving_) network_.world_.violate("environment", "resolve() while resolving");
        if (!network_.abandoned_) network_.begin_resolving();
    }

    std::shared_ptr<detail::transport> make_transport() override
    {
        auto w = std::make_shared<wire>(network_, ++network_.made_);
        ++network_.wires_;
        network_.links_.push_back(w);
        return w;
    }

    void work_started() noexcept override { ++network_.work_; }
    void work_finished() noexcept override { --network_.work_; }

    void abandon() noexcept override
    {
        network_.abandoned_ = true;
        network_.world_.set_alarm(std::nullopt);
    }

private:
    network& network_;
    boost::asio::any_io_executor guard_;
};

network::network(world& w, const plan& p, record& r, model_server& s)
    : world_(w)
    , plan_(p)
    , record_(r)
    , server_(s)
{
    world_.on_alarm = [this] {
        if (const auto l = listener_.lock()) l->on_wake();
    };
}

network::~network() = default;

std::unique_ptr<detail::environment> network::make_environment()
{
    return std::make_unique<mock_environment>(*this);
}

void network::begin_resolving()
{
    auto& r = world_.random();
    resolving_ = true;
    world_.note("resolve");
    if (unused_addresses_since_ && world_.now() < *unused_addresses_since_ + 25s)
        world_.violate("late_lookup", "asked again though addresses came that nobody waited for any more");
    unused_addresses_since_.reset();
    duration takes = latency();
    error_code ec;
    if (happens(plan_.trouble.dns_stalled)) takes = r.moment(100ms, 12s);
    if (happens(plan_.trouble.dns_failed))
        ec = r.one_in(4) ? error_code(boost::asio::error::host_not_found)
                         : error_code(boost::asio::error::host_not_found_try_again);
    if (happens(plan_.trouble.dns_late)) takes = plan_.settings.resolve_timeout + r.moment(1us, 2s);
    if (r.one_in(8)) addresses_ = r.between(1U, 4U); // the answer has changed
    world_.after(takes, [this, ec] {
        resolving_ = false;
        std::vector<detail::endpoint> addresses;
        for (unsigned i = 0; !ec && i < addresses_; ++i) {
            namespace ip = boost::asio::ip;
            ip::address_v4::bytes_type four{192, 0, 2, static_cast<unsigned char>(i)};
            if (i % 2 == 1)
                addresses.emplace_back(ip::make_address_v6(ip::v4_mapped, ip::address_v4(four)), 443);
            else
                addresses.emplace_back(ip::address_v4(four), 443);
        }
        world_.note("resolved", addresses.size(), ec.message());
        const unsigned made = made_;
        if (const auto l = listener_.lock(); l && !abandoned_) l->on_resolved(ec, std::move(addresses));
        if (!ec && made == made_) unused_addresses_since_ = world_.now();
    });
}

void network::begin_connecting(wire& w)
{
    if (happens(plan_.trouble.black_hole)) return;
    error_code ec;
    if (happens(plan_.trouble.refused)) {
        static const error_code reasons[] = {
            boost::asio::error::connection_refused, boost::asio::error::network_unreachable,
            boost::asio::error::no_descriptors, boost::asio::error::timed_out};
        ec = world_.random().pick(reasons);
    }
    world_.after(latency(), [link = w.weak_from_this(), ec] {
        if (const auto t = link.lock()) t->connected(ec);
    });
}

void network::begin_securing(wire& w)
{
    if (happens(plan_.trouble.tls_stalled)) return;
    error_code ec;
    if (happens(plan_.trouble.tls_failed)) {
        static const error_code reasons[] = {errc::tls_untrusted, errc::tls_expired, errc::tls_failed,
                                             errc::connection_lost, errc::connection_lost};
        ec = world_.random().pick(reasons);
    }
    world_.after(latency() * 2, [link = w.weak_from_this(), ec] {
        if (const auto t = link.lock()) t->secured(ec, {});
    });
}

ending network::draw_ending()
{
    static constexpr ending all[] = {ending::reset, ending::reset, ending::half_close, ending::cut_off,
                                     ending::silence};
    return world_.random().pick(all);
}

// The other end goes away now; the client learns of it, or does not.
void network::end(const wire_link& link, duration in, ending how)
{
    const auto t = link.lock();
    if (!t) return;
    t->server_gone = true;
    if (how == ending::silence) return;
    const bool noticed_late = world_.random().one_in(3);
    world_.after(in, [this, link, how, noticed_late] {
        const auto w = link.lock();
        if (!w || w->death != 0) return;
        w->set_loud();
        const auto tell = [link, how] {
            const auto v = link.lock();
            if (!v || v->death != 0) return;
            switch (how) {
            case ending::reset: return v->ended(boost::asio::error::connection_reset, false);
            case ending::half_close: return v->ended({}, true);
            default: return v->ended(boost::asio::error::eof, false);
            }
        };
        if (noticed_late) return world_.after(world_.random().moment(1us, 50us), tell);
        tell();
    });
}

void network::restart()
{
    world_.note("restart");
    for (const wire_link& link : links_) {
        const auto t = link.lock();
        if (!t || t->at() == wire::stage::closed || t->at() == wire::stage::made) continue;
        if (t->at() == wire::stage::ready) {
            end(link, latency(), world_.random().one_in(2) ? ending::reset : ending::half_close);
            continue;
        }
        world_.after(latency(), [link] { // still opening
            const auto v = link.lock();
            if (!v) return;
            v->connected(boost::asio::error::connection_refused);
            v->secured(errc::connection_lost, boost::asio::error::connection_reset);
        });
    }
    std::erase_if(links_, [](const wire_link& l) { return l.expired(); });
}

void network::die()
{
    if (healthy_) return;
    world_.note("die");
    ++deaths_;
    for (const wire_link& link : links_) {
        const auto t = link.lock();
        if (!t || t->at() != wire::stage::ready || t->death != 0) continue;
        t->server_gone = true;
        t->death = deaths_;
    }
}

void network::heal()
{
    world_.note("heal");
    healthy_ = true;
    for (const wire_link& link : links_)
        if (const auto t = link.lock()) t->death = 0; // they are told of their end now
    restart();
    // Connections of whose end nobody would tell.
    for (const wire_link& link : links_)
        if (const auto t = link.lock(); t && t->at() == wire::stage::ready)
            end(link, latency(), ending::reset);
}

} // namespace watchers::rooms::sim
