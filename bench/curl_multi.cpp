// SPDX-License-Identifier: BSL-1.0

/// A peer: libcurl's multi interface, one easy handle per request in flight, reused, with keep-alive.

#include "peer_workload.hpp"

#include <curl/curl.h>

#include <memory>
#include <vector>

namespace {

struct multi_deleter
{
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct easy_deleter
{
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct list_deleter
{
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using multi_ptr = std::unique_ptr<CURLM, multi_deleter>;
using easy_ptr = std::unique_ptr<CURL, easy_deleter>;
using list_ptr = std::unique_ptr<curl_slist, list_deleter>;

void check(CURLcode code)
{
    if (code != CURLE_OK) throw std::runtime_error(curl_easy_strerror(code));
}

void check(CURLMcode code)
{
    if (code != CURLM_OK) throw std::runtime_error(curl_multi_strerror(code));
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value)
{
    check(curl_easy_setopt(easy, option, value));
}

std::size_t append_body(char* data, std::size_t size, std::size_t count, void* user)
{
    static_cast<std::string*>(user)->append(data, size * count);
    return size * count;
}

list_ptr request_headers()
{
    const std::string lines[] = {
        "accept: application/json",
        "Content-Type: application/json",
        "x-api-key: " + std::string(bench::api_key),
        "Authorization: Bearer " + std::string(bench::bearer_token),
    };
    list_ptr list;
    for (const auto& line : lines)
        list.reset(curl_slist_append(list.release(), line.c_str()));
    return list;
}

class transfer
{
public:
    transfer(const bench::options& options, curl_slist* headers) : options_(options), easy_(curl_easy_init())
    {
        CURL* const easy = easy_.get();
        set(easy, CURLOPT_PRIVATE, static_cast<void*>(this));
        set(easy, CURLOPT_CAINFO, options.ca_file.c_str());
        set(easy, CURLOPT_HTTPHEADER, headers);
        set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
        set(easy, CURLOPT_NOSIGNAL, 1L);
        set(easy, CURLOPT_TIMEOUT_MS, 30000L);
        set(easy, CURLOPT_WRITEFUNCTION, &append_body);
        set(easy, CURLOPT_WRITEDATA, static_cast<void*>(&answer_));
    }

    void start(CURLM* multi, std::size_t number)
    {
        answer_.clear();
        const std::string url = options_.url() + bench::target(options_.workload, number);
        set(easy_.get(), CURLOPT_URL, url.c_str());
        if (options_.workload == bench::workload::create_room) {
            body_ = bench::create_body(number);
            set(easy_.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body_.size()));
            set(easy_.get(), CURLOPT_POSTFIELDS, body_.c_str());
        }
        check(curl_multi_add_handle(multi, easy_.get()));
    }

    void finish(CURLM* multi, CURLcode result)
    {
        check(result);
        check(curl_multi_remove_handle(multi, easy_.get()));
        long status = 0;
        check(curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status));
        bench::check_answer(static_cast<unsigned>(status), answer_);
    }

private:
    const bench::options& options_;
    easy_ptr easy_;
    std::string body_;
    std::string answer_;
};

// Requests `count` times, all of `transfers` in flight.
void work(CURLM* multi, const std::vector<std::unique_ptr<transfer>>& transfers, std::size_t count)
{
    bench::request_numbers numbers(count);
    for (const auto& t : transfers)
        if (const auto number = numbers.next()) t->start(multi, *number);

    int running = 0;
    for (;;) {
        check(curl_multi_perform(multi, &running));
        bool added = false;
        int queued = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi, &queued)) {
            const CURLcode result = message->data.result;
            void* self = nullptr;
            check(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self));
            auto* const done = static_cast<transfer*>(self);
            done->finish(multi, result);
            if (const auto number = numbers.next()) {
                done->start(multi, *number);
                added = true;
            }
        }
        if (added) continue;
        if (running == 0) return;
        check(curl_multi_poll(multi, nullptr, 0, 1000, nullptr));
    }
}

void run(const bench::options& options)
{
    check(curl_global_init(CURL_GLOBAL_DEFAULT));
    const multi_ptr multi(curl_multi_init());
    check(curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options.connections)));

    const list_ptr headers = request_headers();
    std::vector<std::unique_ptr<transfer>> transfers;
    for (std::size_t i = 0; i != options.connections; ++i)
        transfers.push_back(std::make_unique<transfer>(options, headers.get()));
    work(multi.get(), transfers, options.connections * bench::warm_up_per_connection);

    bench::meter meter;
    meter.start();
    work(multi.get(), transfers, options.requests);
    meter.stop();
    meter.print(options.requests);
}

} // namespace

int main(int argc, char** argv) { return bench::run_program(argc, argv, run); }
