// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/sandbox.hpp>

#include <iostream>

int main()
{
    watchers::rooms::sandbox::server server;
    std::cout << server.base_url() << '\n';
}
