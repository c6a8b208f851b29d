// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/operation.hpp>

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace watchers::rooms::test {

// Says what a change asks for, and of whom: "status a LIVE", "create a first", "voice a true", "delete a".
std::string change_of(const std::string& request);
std::string change_of(const operation&);

// A service with rooms, which knows the operations that its clients are to carry out, and says whatever they
// do in another order or more often than they should. Each operation of a room must differ from the two
// before it and the two behind it.
class room_service
{
public:
    class room
    {
    public:
        std::string name{};
        std::string voice = "false";
        std::string status = "SOON";
    };

    // @param strict operations are not left out: each is carried out before the next of its room.
    room_service(const std::vector<operation>&, bool strict);

    // A request has come, and is perhaps not carried out.
    void note_arrival(const std::string& request);

    // Carries it out, and returns the answer.
    std::string serve(const std::string& request);

    // Another process begins.
    void forget_known();
    // The operation must not be sent again.
    void note_known(std::uint64_t index) { known_.insert(index); }
    // It must not be sent before the room was looked at.
    void note_in_doubt(std::uint64_t index) { in_doubt_.insert(index); }

    // Of a change: whether it was carried out.
    bool applied(std::uint64_t index) const;
    bool arrived(std::uint64_t index) const { return arrived_.contains(index); }
    const room* find(const std::string& id) const;

    std::size_t changes = 0; // carried out
    std::string violations;

private:
    class history
    {
    public:
        std::vector<std::pair<std::string, std::uint64_t>> planned{}; // with its index
        std::size_t carried_out = 0;
    };

    // Which operation of the room it is that asks for this: the next or the last. Null if neither.
    const std::pair<std::string, std::uint64_t>* match(const std::string& change) const;
    void note_change(const std::string& change);
    void violate(std::string_view rule, const std::string& what);
    std::string describe(const std::string& id) const;

    bool strict_;
    std::map<std::string, history> histories_;
    std::map<std::string, room> rooms_;
    std::map<std::uint64_t, std::pair<std::string, std::size_t>> places_; // room, and which of its changes
    std::set<std::uint64_t> known_;
    std::set<std::uint64_t> in_doubt_;
    std::set<std::string> looked_at_;
    std::set<std::uint64_t> arrived_;
};

} // namespace watchers::rooms::test
