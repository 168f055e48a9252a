// Limits of this process, for a test's time.
#pragma once
#include <csignal>

#include <sys/resource.h>
namespace troupe::test {
// Files of this process cannot grow beyond `bytes`: as a full disk, but for this test alone.
class file_limit {
 public:
  explicit file_limit(rlim_t bytes) : ignored_{std::signal(SIGXFSZ, SIG_IGN)} {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~file_limit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, ignored_);
  }

 private:
  void (*ignored_)(int);
  rlimit before_{};
};

// No file can be opened: as if too many were.
class descriptor_limit {
 public:
  descriptor_limit() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit now{0, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};
}  // namespace troupe::test
