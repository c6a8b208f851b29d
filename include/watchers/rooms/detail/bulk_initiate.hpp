// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/detail/bulk_callbacks.hpp>
#include <watchers/rooms/error.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associator.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace watchers::rooms {

namespace detail {

class engine;

using bulk_handler = boost::asio::any_completion_handler<void(error_code, bulk_summary)>;

void start_bulk(const std::shared_ptr<engine>&, std::unique_ptr<bulk_source>, std::unique_ptr<bulk_sink>,
                bulk_options, bulk_handler);

// The initiation of a bulk run. Copyable, as asio::deferred wants it, but a source is there once.
class initiate_bulk
{
public:
    initiate_bulk(std::shared_ptr<engine> e, std::unique_ptr<bulk_source> from, std::unique_ptr<bulk_sink> to,
                  bulk_options o)
        : engine_(std::move(e))
        , callbacks_(std::make_shared<callbacks>(std::move(from), std::move(to)))
        , options_(std::move(o))
    {}

    // Takes diagnostics unless the caller gave his own.
    diagnostics& collect(diagnostics& fallback) noexcept
    {
        if (options_.diagnostics == nullptr) options_.diagnostics = &fallback;
        return *options_.diagnostics;
    }

    template <class Handler>
    void operator()(Handler&& handler)
    {
        auto [source, sink] = std::move(*callbacks_);
        if (!source) source = make_bulk_source(&begun_twice);
        start_bulk(engine_, std::move(source), std::move(sink), std::move(options_),
                   bulk_handler(std::forward<Handler>(handler)));
    }

private:
    using callbacks = std::pair<std::unique_ptr<bulk_source>, std::unique_ptr<bulk_sink>>;

    static std::optional<operation> begun_twice()
    {
        throw error(errc::invalid_argument, diagnostics().set_message("source: a bulk run is begun once"));
    }

    std::shared_ptr<engine> engine_;
    std::shared_ptr<callbacks> callbacks_;
    bulk_options options_;
};

// A bulk run with one result for each input.
class gathering
{
public:
    explicit gathering(std::vector<operation> all) : operations_(std::move(all))
    {
        results_.reserve(operations_.size());
    }

    std::optional<operation> next()
    {
        if (pulled_ == operations_.size()) return std::nullopt;
        return operations_[pulled_++];
    }

    void add(bulk_result&& r) { results_.push_back(std::move(r)); }

    // Those that a stopped run did not pull are there as well.
    // @param why it was stopped.
    std::vector<bulk_result> take(error_code why)
    {
        for (std::size_t i = results_.size(); i < operations_.size(); ++i) {
            results_.emplace_back(i, std::move(operations_[i]));
            results_.back().error = errc::stopped;
            results_.back().diagnostics.set_operation(results_.back().operation.kind()).set_last_failure(why);
        }
        return std::move(results_);
    }

private:
    std::vector<operation> operations_;
    std::vector<bulk_result> results_;
    std::size_t pulled_ = 0;
};

// Calls a void(error_code, std::vector<bulk_result>) handler with what was gathered. That a run was stopped
// is in the results: an error would cost whoever awaits them all that was done.
template <class Handler>
class with_results
{
public:
    with_results(Handler h, std::shared_ptr<gathering> g) : inner(std::move(h)), gathered_(std::move(g)) {}

    void operator()(error_code ec, const bulk_summary&)
    {
        auto results = gathered_->take(ec);
        std::move(inner)(ec == errc::invalid_argument ? ec : error_code(), std::move(results));
    }

    Handler inner;

private:
    std::shared_ptr<gathering> gathered_;
};

class initiate_gathering
{
public:
    initiate_gathering(std::shared_ptr<engine> e, std::vector<operation> operations, bulk_options o)
        : engine_(std::move(e))
        , operations_(std::move(operations))
        , options_(std::move(o))
    {}

    // Takes diagnostics unless the caller gave his own.
    diagnostics& collect(diagnostics& fallback) noexcept
    {
        if (options_.diagnostics == nullptr) options_.diagnostics = &fallback;
        return *options_.diagnostics;
    }

    template <class Handler>
    void operator()(Handler&& handler)
    {
        options_.in_order = true;
        const auto all = std::make_shared<gathering>(std::move(operations_));
        auto source = make_bulk_source([all] { return all->next(); });
        auto sink = make_bulk_sink([all](bulk_result&& r) { all->add(std::move(r)); });
        start_bulk(engine_, std::move(source), std::move(sink), std::move(options_),
                   bulk_handler(with_results<std::decay_t<Handler>>(std::forward<Handler>(handler), all)));
    }

private:
    std::shared_ptr<engine> engine_;
    std::vector<operation> operations_;
    bulk_options options_;
};

} // namespace detail
} // namespace watchers::rooms

template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, watchers::rooms::detail::with_results<Handler>, Default>
    : Associator<Handler, Default>
{
    static auto get(const watchers::rooms::detail::with_results<Handler>& h,
                    const Default& d = Default()) noexcept
    {
        return Associator<Handler, Default>::get(h.inner, d);
    }
};
