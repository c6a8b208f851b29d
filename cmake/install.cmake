# SPDX-License-Identifier: BSL-1.0
# What `cmake --install` lays down: headers, libraries, roomctl, and the package that find_package(watchers_rooms) finds.

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/watchers_rooms")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING PATTERN "*.hpp" PATTERN "*.ipp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

set(libraries watchers_rooms watchers_rooms_compiled)
set_target_properties(watchers_rooms PROPERTIES EXPORT_NAME rooms)
set_target_properties(watchers_rooms_compiled PROPERTIES EXPORT_NAME rooms_compiled)
if(TARGET watchers_rooms_sandbox)
    list(APPEND libraries watchers_rooms_sandbox)
    set_target_properties(watchers_rooms_sandbox PROPERTIES EXPORT_NAME rooms_sandbox)
endif()

install(TARGETS ${libraries} EXPORT watchers_rooms-targets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT watchers_rooms-targets NAMESPACE watchers:: DESTINATION "${package_dir}")
if(TARGET roomctl)
    install(TARGETS roomctl RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/watchers_rooms-config.cmake.in"
    "${PROJECT_BINARY_DIR}/watchers_rooms-config.cmake"
    INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/watchers_rooms-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES
    "${PROJECT_BINARY_DIR}/watchers_rooms-config.cmake"
    "${PROJECT_BINARY_DIR}/watchers_rooms-config-version.cmake"
    DESTINATION "${package_dir}")
