// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the tests of bulk runs over real TLS share.

#include "net.hpp"

#include <set>
#include <string>
#include <vector>

namespace net {

// Of the rooms r0, r1 and so on.
inline std::vector<rooms::operation> gets(int count)
{
    std::vector<rooms::operation> all;
    for (int i = 0; i < count; ++i)
        all.push_back(rooms::operation::get("r" + std::to_string(i)));
    return all;
}

// How a bulk run ended.
struct bulk_end
{
    auto handler()
    {
        return [this](rooms::error_code ec, const rooms::bulk_summary& s) {
            error = ec;
            summary = s;
            ++completions;
        };
    }

    rooms::error_code error;
    rooms::bulk_summary summary;
    int completions = 0;
};

} // namespace net
