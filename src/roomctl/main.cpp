// SPDX-License-Identifier: BSL-1.0
#include "app.hpp"
#include "precautions.hpp"

int main(int argc, char** argv)
{
    roomctl::take_precautions();
    return roomctl::run(argc, argv);
}
