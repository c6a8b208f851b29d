// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <memory>
#include <string_view>

struct evp_md_ctx_st;

namespace roomctl {

using digest = std::array<unsigned char, 32>;

// SHA-256 of a text that comes in pieces.
class sha256
{
public:
    sha256();

    void update(std::string_view bytes);

    // Of all that came since the start or the last call.
    digest finish();

private:
    struct release
    {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };

    std::unique_ptr<evp_md_ctx_st, release> context_;
};

} // namespace roomctl
