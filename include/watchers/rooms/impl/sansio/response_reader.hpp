// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/error.hpp>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/version.hpp>
#include <boost/optional.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace watchers::rooms::detail {

class response_limits
{
public:
    response_limits() = default;
    explicit response_limits(const config& c)
        : header(c.max_response_header)
        , fields(c.max_response_fields)
        , body(c.max_response_body)
    {}

    // What a body may take on the wire: chunk headers, their extensions and the trailer count.
    std::uint64_t wire() const noexcept { return 2 * std::uint64_t(body) + 64 * 1024; }

    std::size_t header = 8 * 1024; // bytes of status line, fields and trailer; of each chunk header, too
    std::size_t fields = 100;      // lines of header and trailer
    std::size_t body = 1024 * 1024;
};

// A final (not 1xx) answer. The texts are as they came but for surrounding blanks, empty when absent, and
// keep their capacity from one answer to the next.
class response
{
public:
    static constexpr std::size_t longest_text = 1024; // of `location`, cut there
    static constexpr std::size_t longest_time = 64;   // of `retry_after` and `date`, ignored if longer
    static constexpr std::size_t longest_coding = 64; // of `coding`, cut there

    // Forgets the answer; memory beyond `kept_body` is given back.
    void clear();

    static constexpr std::size_t kept_body = 64 * 1024;

    unsigned status = 0;
    bool keep_alive = false; // the answer's header allows another request on its connection
    bool html = false;       // its Content-Type is that of a web page
    std::string body;
    std::string retry_after;
    std::string date;
    std::string location;
    // The content codings other than identity, the only accepted one, joined by ", ". If there is one, the
    // body cannot be read and is not kept, but it counts against the limits.
    std::string coding;
    std::size_t header_bytes = 0; // of the final answer's header
};

// Receives what Beast's parser finds in one message, and refuses what Beast lets pass but RFC 9112 or the
// limits do not. It sees no trailer: the reader keeps those from the parser, which would merge them into the
// header.
class response_sink final : public boost::beast::http::basic_parser<false>
{
public:
    using field = boost::beast::http::field;
    using string_view = boost::beast::string_view;
    using beast_error = boost::beast::error_code;

    response_sink(const response_limits&, response& out);

    // Gives the parser one whole element (header, chunk header) or a piece of the body. Returns the bytes
    // taken.
    std::size_t parse(std::string_view bytes, std::optional<errc>& fault);
    // The stream's end, which ends a body that is framed by nothing else.
    void parse_end(std::optional<errc>& fault);

    bool informational() const noexcept { return informational_; } // 1xx
    std::uint64_t chunk_size() const noexcept { return chunk_size_; }

private:
    void on_request_impl(boost::beast::http::verb, string_view, string_view, int, beast_error&) override {}
    void on_response_impl(int status, string_view reason, int version, beast_error&) override;
    void on_field_impl(field, string_view name, string_view value, beast_error&) override;
    void on_header_impl(beast_error&) override;
    void add_codings(string_view value);
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, beast_error&) override;
    std::size_t on_body_impl(string_view, beast_error&) override;
    void on_chunk_header_impl(std::uint64_t size, string_view, beast_error&) override { chunk_size_ = size; }
    std::size_t on_chunk_body_impl(std::uint64_t, string_view, beast_error&) override;
    void on_finish_impl(beast_error&) override {}
#if BOOST_BEAST_VERSION >= 359 // Boost 1.90
    void on_trailer_field_impl(field, string_view, string_view, beast_error&) override {}
#endif

    response& out_;
    std::uint64_t chunk_size_ = 0;
    bool http_1_1_ = false;
    bool informational_ = false;
};

// Reads one answer from a stream of plaintext bytes that come in pieces of any size. What comes out depends
// on the bytes alone, never on where the pieces end: the parser is handed whole elements only.
class response_reader
{
public:
    enum class state : unsigned char
    {
        reading,
        complete,
        failed,
    };

    explicit response_reader(response_limits);
    response_reader(const response_reader&) = delete;
    response_reader& operator=(const response_reader&) = delete;

    void reset(); // before each request

    // After completion further bytes count as surplus.
    state feed(std::string_view bytes);

    // The stream ended. Clean: by close_notify, or no TLS is used.
    state end(bool clean);

    bool started() const noexcept { return bytes_ > 0; }  // any byte of an answer was seen
    bool surplus() const noexcept { return surplus_; }    // bytes came after the answer's end
    std::size_t bytes() const noexcept { return bytes_; } // all that were fed since reset

    // The connection may serve another request: the answer is complete, persistent by HTTP's rules and
    // framed, and nothing came after it.
    bool reusable() const noexcept;

    // When failed: malformed_response, response_too_large, truncated_response or connection_lost (nothing had
    // come).
    errc error() const noexcept { return error_; }

    response& answer() noexcept { return answer_; } // when complete
    const response& answer() const noexcept { return answer_; }

private:
    enum class stage : unsigned char
    {
        header,
        body,        // by Content-Length, or until the stream ends
        first_chunk, // chunk header
        chunk,       // chunk header, and before it the line end of the chunk before
        chunk_data,
        trailer,
        done,
    };

    void begin_message();
    void enter(stage, std::size_t taken = 0);
    void step(std::string_view& in);
    bool gather(std::string_view& in, std::string_view& element);
    bool plausible(std::string_view in) const noexcept;
    bool ends_element(std::size_t line, std::size_t taken);
    void on_header(std::string_view);
    std::string_view lenient(std::string_view header);
    void on_chunk_header(std::string_view);
    void on_trailer_line(std::string_view);
    void on_body(std::string_view& in);
    void finish();
    void fail(errc);

    response_limits limits_;
    response answer_;
    std::optional<response_sink> sink_;
    std::string pending_;   // the start of an element whose rest has not come yet
    std::size_t taken_ = 0; // bytes of the element, those in pending_ included
    std::size_t line_ = 0;  // bytes of the element's current line
    std::size_t lines_ = 0; // of header and trailer
    std::uint64_t chunk_left_ = 0;
    std::uint64_t wire_ = 0; // bytes behind the final header
    std::size_t bytes_ = 0;
    unsigned informational_ = 0;
    stage stage_ = stage::header;
    state state_ = state::reading;
    errc error_ = errc::malformed_response;
    bool surplus_ = false;
    bool ended_ = false;
};

} // namespace watchers::rooms::detail
