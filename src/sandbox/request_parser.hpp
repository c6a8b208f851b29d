// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/version.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace watchers::rooms::sandbox::detail {

/// What is kept of a request; the strings' memory serves the next request, too.
struct received_request
{
    received_request() {}

    void clear()
    {
        method.clear();
        target.clear();
        api_key.clear();
        authorization.clear();
        body.clear();
        api_keys = authorizations = hosts = 0;
        has_length = has_coding = expects_continue = false;
    }

    std::string method;
    std::string target;
    std::string api_key;
    std::string authorization;
    std::string body;
    int version = 11;
    unsigned api_keys = 0;
    unsigned authorizations = 0;
    unsigned hosts = 0;
    bool has_length = false;
    bool has_coding = false;
    bool expects_continue = false;
};

/// Beast's parser, keeping only what the server looks at.
class request_parser final : public boost::beast::http::basic_parser<true>
{
    using field = boost::beast::http::field;
    using error_code = boost::beast::error_code;
    using string_view = boost::beast::string_view;

public:
    explicit request_parser(received_request& into) : into_(into) {}

private:
    static std::string_view view(string_view text) { return std::string_view(text.data(), text.size()); }

    void on_request_impl(boost::beast::http::verb, string_view method, string_view target, int version,
                         error_code&) override
    {
        into_.version = version;
        into_.method = view(method);
        into_.target = view(target);
    }

    void on_response_impl(int, string_view, int, error_code&) override {}

    void on_field_impl(field name, string_view name_text, string_view value, error_code&) override
    {
        if (in_body_) return;
        switch (name) {
        case field::authorization:
            ++into_.authorizations;
            into_.authorization = view(value);
            break;
        case field::host: ++into_.hosts; break;
        case field::content_length: into_.has_length = true; break;
        case field::transfer_encoding: into_.has_coding = true; break;
        case field::expect: into_.expects_continue = boost::beast::iequals(value, "100-continue"); break;
        case field::unknown:
            if (boost::beast::iequals(name_text, "x-api-key")) {
                ++into_.api_keys;
                into_.api_key = view(value);
            }
            break;
        default: break;
        }
    }

#if BOOST_BEAST_VERSION >= 359
    void on_trailer_field_impl(field, string_view, string_view, error_code&) override {}
#endif

    void on_header_impl(error_code&) override { in_body_ = true; }

    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}

    std::size_t on_body_impl(string_view body, error_code&) override
    {
        into_.body.append(body.data(), body.size());
        return body.size();
    }

    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}

    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override
    {
        into_.body.append(body.data(), body.size());
        return body.size();
    }

    void on_finish_impl(error_code&) override {}

    received_request& into_;
    bool in_body_ = false;
};

} // namespace watchers::rooms::sandbox::detail
