// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace roomctl {

// To be called before anything else is done. A descriptor 0, 1 or 2 that is closed would be that of the next
// file that is opened, a journal, say, with what is meant for the terminal written over it. Core dumps would
// hold the credentials. And a pipe that nobody reads, or a file that may not grow, is an error like others:
// what is under way at the service is not to be cut off by a signal.
void take_precautions() noexcept;

} // namespace roomctl
