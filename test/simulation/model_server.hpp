// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "record.hpp"

#include <functional>
#include <map>
#include <string>

namespace watchers::rooms::sim {

struct plan;

// What the service answers.
struct reply
{
    unsigned status = 200;
    std::string body{};
    std::string fields{}; // header lines
    std::optional<std::string> found{};
    bool found_matching = false;
    bool web_page = false;
    bool no_project = false;
};

// The Room API as the library takes it to be, with rooms and credentials.
class model_server
{
public:
    struct room
    {
        std::string name{};
        std::string about{};
        bool voice = false;
        std::string status = "LIVE";
        std::string creator{}; // the mark of the call
    };

    explicit model_server(const plan& p) noexcept : plan_(p) {}

    // Carries a request out as far as it can be.
    reply serve(exchange&);

    // Carries it out in vain: nobody hears of it.
    void serve_unheard(exchange& x) { serve(x); }

    // A room that was there before.
    void add_old(const std::string& id)
    {
        rooms_[id] = {.name = "an old name", .about = "it", .creator = "old"};
    }

    const room* find(const std::string& id) const;
    // A response about another room than that.
    std::string describe_another(const std::string& id) const
    {
        return describe(id + "-of-another", {.name = "another's", .about = "it", .creator = "another"});
    }
    unsigned key() const noexcept { return key_; }
    void change_key() { ++key_; }

    // A request was carried out, and changed something.
    std::function<void(exchange&)> on_applied;

private:
    reply refuse_key(const exchange&) const;
    reply create(exchange&);
    reply change(exchange&);
    std::string describe(const std::string& id, const room&) const;

    const plan& plan_;
    std::map<std::string, room> rooms_;
    unsigned key_ = 1;
};

} // namespace watchers::rooms::sim
