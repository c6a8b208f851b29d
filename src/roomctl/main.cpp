// SPDX-License-Identifier: BSL-1.0
#include "app.hpp"

int main(int argc, char** argv) { return roomctl::run(argc, argv); }
