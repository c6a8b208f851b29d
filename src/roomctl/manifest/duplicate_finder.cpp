// SPDX-License-Identifier: BSL-1.0
#include "duplicate_finder.hpp"

#include <algorithm>
#include <string_view>
#include <type_traits>

namespace roomctl {

namespace {

using sighting = duplicate_finder::sighting;
static_assert(std::is_trivially_copyable_v<sighting>);

// A sorted run in the file, read in pieces.
class stored_run
{
public:
    stored_run(const file& from, std::uint64_t begin, std::uint64_t size)
        : from_(&from)
        , next_(begin)
        , left_(size)
    {
        refill();
    }

    const sighting& front() const noexcept { return piece_[used_]; }

    // False at the end.
    bool advance()
    {
        if (++used_ < piece_.size()) return true;
        if (left_ == 0) return false;
        refill();
        return true;
    }

private:
    void refill()
    {
        constexpr std::uint64_t piece_size = 128;
        piece_.resize(static_cast<std::size_t>(std::min(left_, piece_size)));
        const std::size_t bytes = piece_.size() * sizeof(sighting);
        from_->read_at(next_ * sizeof(sighting), reinterpret_cast<char*>(piece_.data()), bytes);
        next_ += piece_.size();
        left_ -= piece_.size();
        used_ = 0;
    }

    const file* from_;
    std::uint64_t next_;
    std::uint64_t left_;
    std::vector<sighting> piece_;
    std::size_t used_ = 0;
};

// Takes sightings in order.
class comparison
{
public:
    explicit comparison(const std::function<void(const sighting&, const sighting&)>& found) : found_(found) {}

    void take(const sighting& s)
    {
        if (first_ && first_->key == s.key)
            found_(s, *first_);
        else
            first_ = s;
    }

private:
    const std::function<void(const sighting&, const sighting&)>& found_;
    std::optional<sighting> first_;
};

} // namespace

void duplicate_finder::add(const sighting& s)
{
    run_.push_back(s);
    if (run_.size() == run_size_) store_run();
}

void duplicate_finder::store_run()
{
    std::sort(run_.begin(), run_.end());
    if (!spill_) spill_ = file::temporary();
    spill_->append(
        std::string_view(reinterpret_cast<const char*>(run_.data()), run_.size() * sizeof(sighting)));
    stored_.push_back(run_.size());
    run_.clear();
}

void duplicate_finder::finish(const std::function<void(const sighting&, const sighting&)>& found)
{
    comparison seen(found);
    if (stored_.empty()) {
        std::sort(run_.begin(), run_.end());
        for (const sighting& s : run_)
            seen.take(s);
        run_ = {};
        return;
    }

    if (!run_.empty()) store_run();
    run_ = {};
    std::vector<stored_run> runs;
    runs.reserve(stored_.size());
    std::uint64_t begin = 0;
    for (const std::uint64_t size : stored_) {
        runs.emplace_back(*spill_, begin, size);
        begin += size;
    }
    const auto after = [](const stored_run& a, const stored_run& b) { return b.front() < a.front(); };
    std::make_heap(runs.begin(), runs.end(), after);
    while (!runs.empty()) {
        std::pop_heap(runs.begin(), runs.end(), after);
        seen.take(runs.back().front());
        if (runs.back().advance())
            std::push_heap(runs.begin(), runs.end(), after);
        else
            runs.pop_back();
    }
}

} // namespace roomctl
