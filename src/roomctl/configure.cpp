// SPDX-License-Identifier: BSL-1.0
#include "configure.hpp"

#include "credentials_file.hpp"
#include "verbose.hpp"

#include <watchers/rooms/diagnostics.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roomctl {

namespace {

// A pipe would be waited for, and OpenSSL, which reads the file, goes on waiting after a signal. Whether the
// file can be read, and holds certificates, is found out by the client.
void require_regular(const std::string& ca_file)
{
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    const int fd = ::open(ca_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return;
    struct stat s = {};
    const bool known = ::fstat(fd, &s) == 0;
    ::close(fd);
    if (known && !S_ISREG(s.st_mode))
        throw usage_error("--ca " + ca_file + ": is not a regular file, and is not read; nothing was sent");
}

} // namespace

rooms::credentials find_credentials(const settings& options)
{
    if (options.credentials_file) return read_credentials_file(*options.credentials_file);
    for (const char* const name : {"WATCHERS_API_KEY", "WATCHERS_BEARER_TOKEN"}) {
        const char* const value = std::getenv(name);
        if (value == nullptr || *value == '\0')
            throw usage_error(std::string(name) + " is not set; set WATCHERS_API_KEY and "
                                                  "WATCHERS_BEARER_TOKEN, or use --credentials FILE");
    }
    return rooms::credentials::from_environment();
}

void apply_common(rooms::config& config, const settings& options)
{
    config.threading = rooms::threading::single; // roomctl runs its io_context with one thread
    if (options.timeout) {
        config.timeout = *options.timeout;
        // Whoever asks for a minute means to wait for a minute, where there is but one attempt to wait for.
        if (options.no_retry) config.attempt_timeout = std::max(config.attempt_timeout, config.timeout);
    }
    if (options.no_retry) config.retry = rooms::retry_policy::none();
    if (options.iso_times) config.time_format = rooms::time_format::iso_8601;
    if (options.verbose) config.observer = std::make_shared<verbose_observer>();
}

rooms::config make_config(const settings& options)
{
    rooms::config config(find_credentials(options));
    const char* const from_environment = std::getenv("WATCHERS_BASE_URL");
    if (options.base_url)
        config.base_url = *options.base_url;
    else if (options.region)
        config.base_url = rooms::base_url(*options.region);
    else if (from_environment != nullptr && *from_environment != '\0')
        config.base_url = from_environment;
    if (options.ca_file) {
        require_regular(*options.ca_file);
        config.trust = rooms::trust::ca_file(*options.ca_file);
    }
    apply_common(config, options);
    return config;
}

} // namespace roomctl
