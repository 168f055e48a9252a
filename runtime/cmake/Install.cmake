# What `cmake --install` puts where, and what find_package(troupe) needs. Headers are written with quoted includes from
# the root of the house ("patterns/..."); installed they say "troupe/patterns/...", so that nothing but troupe/ lies on a
# user's include path.
include(CMakePackageConfigHelpers)
set(TROUPE_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/troupe")

install(TARGETS troupe_patterns troupe_runtime troupe_actors troupe_cluster EXPORT troupeTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
if(TARGET troupe)
  install(TARGETS troupe RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(EXPORT troupeTargets NAMESPACE troupe:: DESTINATION "${TROUPE_CMAKE_DIR}")

install(CODE "
  set(source \"${PROJECT_SOURCE_DIR}\")
  set(includes \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/troupe\")
")
install(CODE [[
  foreach(room IN ITEMS patterns runtime actors cluster)
    file(GLOB_RECURSE headers RELATIVE "${source}" "${source}/${room}/*.hpp")
    foreach(header IN LISTS headers)
      file(READ "${source}/${header}" text)
      string(REGEX REPLACE "(#include \")((patterns|runtime|actors|cluster)/)" "\\1troupe/\\2" text "${text}")
      set(before "")
      if(EXISTS "${includes}/${header}")
        file(READ "${includes}/${header}" before)
      endif()
      if(NOT "${text}" STREQUAL "${before}")
        file(WRITE "${includes}/${header}" "${text}")
      endif()
    endforeach()
  endforeach()
  message(STATUS "Installing: ${includes}")
]])

configure_package_config_file("${PROJECT_SOURCE_DIR}/runtime/cmake/troupeConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/troupeConfig.cmake" INSTALL_DESTINATION "${TROUPE_CMAKE_DIR}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/troupeConfig.cmake" "${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake"
        "${PROJECT_SOURCE_DIR}/runtime/cmake/FindCAF.cmake" DESTINATION "${TROUPE_CMAKE_DIR}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/README.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
