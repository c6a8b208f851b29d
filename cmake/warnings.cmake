# SPDX-License-Identifier: BSL-1.0
# The warnings this project is free of. Included at the top level only: they are nothing that a parent project asked for.

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ takes Asio's allocation of coroutine frames for a mismatched pair.
    add_compile_options(-Wno-mismatched-new-delete)
endif()
if(WATCHERS_ROOMS_WERROR)
    add_compile_options(-Werror)
endif()
