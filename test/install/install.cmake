# SPDX-License-Identifier: BSL-1.0
# cmake -DBUILD=... -DPREFIX=... -P install.cmake: a fresh installation, so that no file of an earlier one helps out.

file(REMOVE_RECURSE "${PREFIX}")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${PREFIX}" COMMAND_ERROR_IS_FATAL ANY)
