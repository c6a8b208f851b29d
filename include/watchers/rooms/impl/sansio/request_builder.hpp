// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/call_request.hpp>
#include <watchers/rooms/impl/wipe.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace watchers::rooms {

class credentials;
enum class time_format : unsigned char;

} // namespace watchers::rooms

namespace watchers::rooms::detail {

class origin;

// What all requests of a client have in common, made once per credentials. Holds the secrets in clear, and
// wipes them.
class request_heads
{
public:
    // Both must have been checked: their text goes into header fields as it is.
    request_heads(const origin&, const credentials&);

    request_heads(request_heads&& other) noexcept : common_(std::move(other.common_))
    {
        wipe_text(other.common_);
    }
    request_heads& operator=(request_heads other) noexcept { return common_.swap(other.common_), *this; }
    ~request_heads() { wipe_text(common_); }

    // The rest of the request line, and all header fields but Content-Length, each with its line end.
    const std::string& common() const noexcept { return common_; }

    // Returns a text of the server without the secrets that it may repeat; see redaction.
    std::string redacted(std::string_view text, std::size_t enough) const;

private:
    std::string common_;
};

// What is particular to one call. Keep and reuse it: its strings keep their capacity.
class encoded_call
{
public:
    encoded_call() = default;

    std::string target; // path of get and delete, percent-encoded; empty for the others
    std::string body;   // JSON of the others
    operation_kind kind = operation_kind::get_room;
};

// The request must have passed check_request.
void encode_call(const call_request&, time_format, encoded_call& out);

// Appends the complete HTTP request. Text that is appended holds the secrets: it is the caller's to wipe.
void append_request(std::string& out, const request_heads&, const encoded_call&);

} // namespace watchers::rooms::detail
