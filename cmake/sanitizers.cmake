# SPDX-License-Identifier: BSL-1.0
# Applies WATCHERS_ROOMS_SANITIZE to every target of this project.

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
