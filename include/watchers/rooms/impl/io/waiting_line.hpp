// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/intrusive_list.hpp>

namespace watchers::rooms::detail {

class call;
class waiting_hook; // tag

// Calls that wait for one thing, the first in front. A call is in one line at most.
class waiting_line : public intrusive_list<call, waiting_hook>
{
public:
    enum class end : bool
    {
        front,
        back,
    };
};

} // namespace watchers::rooms::detail
