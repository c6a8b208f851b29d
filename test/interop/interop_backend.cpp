// SPDX-License-Identifier: BSL-1.0
// A sandbox without TLS, to stand behind a proxy: prints its port and serves until its standard input ends.
#include <watchers/rooms/sandbox.hpp>

#include <iostream>
#include <limits>

int main()
{
    namespace sandbox = watchers::rooms::sandbox;
    sandbox::server server(sandbox::options().tls(false));
    std::cout << server.port() << std::endl;
    std::cin.ignore(std::numeric_limits<std::streamsize>::max());
}
