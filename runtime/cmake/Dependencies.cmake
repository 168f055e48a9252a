# What Troupe stands on, all from Debian's packages. Each that is missing is named with the package to install.
function(troupe_require package debian)
  find_package(${package} ${ARGN} QUIET)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} was not found: install the Debian package ${debian}, "
                        "or run examples/run, which installs all that is needed.")
  endif()
endfunction()

find_package(Threads REQUIRED)
troupe_require(CAF libcaf-dev COMPONENTS core io)
troupe_require(Boost "libboost-dev, libboost-filesystem-dev and libboost-system-dev" COMPONENTS filesystem system)
troupe_require(spdlog libspdlog-dev)
troupe_require(msgpack libmsgpack-cxx-dev)
troupe_require(OpenSSL libssl-dev)
troupe_require(prometheus-cpp prometheus-cpp-dev)
troupe_require(CLI11 libcli11-dev)
troupe_require(nlohmann_json nlohmann-json3-dev)
