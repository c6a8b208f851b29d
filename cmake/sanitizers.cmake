# SPDX-License-Identifier: BSL-1.0
# Applies WATCHERS_ROOMS_SANITIZE and WATCHERS_ROOMS_BUILD_FUZZERS to every target of this project.

if(WATCHERS_ROOMS_SANITIZE)
    if("thread" IN_LIST WATCHERS_ROOMS_SANITIZE AND "address" IN_LIST WATCHERS_ROOMS_SANITIZE)
        message(FATAL_ERROR "WATCHERS_ROOMS_SANITIZE: address and thread exclude each other")
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        message(WARNING "g++ needs minutes and gigabytes for coroutines under sanitizers; use clang++")
    endif()
    string(REPLACE ";" "," sanitizers "${WATCHERS_ROOMS_SANITIZE}")
    add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${sanitizers})
    unset(sanitizers)
endif()

if(WATCHERS_ROOMS_BUILD_FUZZERS)
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "WATCHERS_ROOMS_BUILD_FUZZERS: libFuzzer comes with clang++, and this is "
            "${CMAKE_CXX_COMPILER_ID}; use `cmake --preset fuzz`")
    endif()
    if(NOT WATCHERS_ROOMS_BUILD_TESTS)
        message(FATAL_ERROR "WATCHERS_ROOMS_BUILD_FUZZERS: needs WATCHERS_ROOMS_BUILD_TESTS")
    endif()
    # Tells libFuzzer what was reached: in the library as well as in the targets, which alone link libFuzzer itself.
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
