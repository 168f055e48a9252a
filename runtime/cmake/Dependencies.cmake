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
# Libraries without a CMake package, or, as RocksDB, with one that asks for the headers of all its own dependencies: a library
# and a path will do.
function(troupe_require_library name header library debian)
  find_path(${name}_INCLUDE_DIR ${header} PATH_SUFFIXES ${ARGN})
  find_library(${name}_LIBRARY ${library})
  if(NOT ${name}_INCLUDE_DIR OR NOT ${name}_LIBRARY)
    message(FATAL_ERROR "${header} was not found: install the Debian package ${debian}, "
                        "or run examples/run, which installs all that is needed.")
  endif()
  mark_as_advanced(${name}_INCLUDE_DIR ${name}_LIBRARY)
endfunction()
troupe_require_library(ROCKSDB rocksdb/db.h rocksdb librocksdb-dev)
troupe_require_library(HIREDIS hiredis/hiredis.h hiredis libhiredis-dev)
troupe_require_library(SQLITE sqlite3.h sqlite3 libsqlite3-dev)
troupe_require_library(PQ libpq-fe.h pq libpq-dev postgresql)
# Programs of ours allocate with jemalloc: actors free what other threads have made. Sanitizers bring an allocator of their own.
set(TROUPE_ALLOCATOR "")
if(NOT TROUPE_SANITIZER)
  find_library(JEMALLOC_LIBRARY jemalloc)
  mark_as_advanced(JEMALLOC_LIBRARY)
  if(NOT JEMALLOC_LIBRARY)
    message(FATAL_ERROR "jemalloc was not found: install the Debian package libjemalloc-dev, "
                        "or run examples/run, which installs all that is needed.")
  endif()
  set(TROUPE_ALLOCATOR "${JEMALLOC_LIBRARY}")
endif()
