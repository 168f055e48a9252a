# A room is one library target. It sees its own headers and those of the rooms it links, and no others: the include
# path of each room is a directory that holds a link to that room alone, so an include that runs up the house, or
# that reaches for CAF's side from patterns/, does not compile.
set(TROUPE_HOUSE "${PROJECT_BINARY_DIR}/house")
file(MAKE_DIRECTORY "${TROUPE_HOUSE}/user/troupe")

function(troupe_room name)
  file(MAKE_DIRECTORY "${TROUPE_HOUSE}/${name}")
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${name}" "${TROUPE_HOUSE}/${name}/${name}" SYMBOLIC)
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${name}" "${TROUPE_HOUSE}/user/troupe/${name}" SYMBOLIC)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(troupe_${name} ${sources})
  add_library(troupe::${name} ALIAS troupe_${name})
  set_target_properties(troupe_${name} PROPERTIES EXPORT_NAME ${name} VERSION ${PROJECT_VERSION}
                        SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE CXX DEFINE_SYMBOL "")
  target_include_directories(troupe_${name} PUBLIC
    "$<BUILD_INTERFACE:${TROUPE_HOUSE}/${name}>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_compile_features(troupe_${name} PUBLIC cxx_std_20)
  target_link_libraries(troupe_${name} PUBLIC ${ARGN})
endfunction()

# Actor code compiles against one precompiled set of CAF headers, made once in runtime/.
function(troupe_use_caf_headers target)
  if(TROUPE_SANITIZER STREQUAL "fuzz")
    return()
  endif()
  if(target STREQUAL "troupe_runtime")
    target_precompile_headers(troupe_runtime PRIVATE <caf/all.hpp> <caf/io/all.hpp> <chrono> <map> <string> <vector>)
  else()
    target_precompile_headers(${target} REUSE_FROM troupe_runtime)
  endif()
endfunction()
