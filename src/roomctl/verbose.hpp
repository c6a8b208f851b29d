// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/observer.hpp>

namespace roomctl {

// Tells on standard error what the client does: --verbose.
class verbose_observer : public watchers::rooms::observer
{
public:
    void on_call_start(const watchers::rooms::call_start& call) override;
    void on_attempt_end(const watchers::rooms::attempt_end& attempt) override;
    void on_retry(const watchers::rooms::retry_planned& retry) override;
    void on_call_end(const watchers::rooms::call_end& call) override;
};

} // namespace roomctl
