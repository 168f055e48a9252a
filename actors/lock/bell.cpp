#include "actors/lock/bell.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>
namespace troupe::lock {
bell::bell(const std::string& path)
    : file_{::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666)},
      watch_{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)} {
  if (watch_ < 0 || ::inotify_add_watch(watch_, path.c_str(), IN_MODIFY) >= 0) return;
  ::close(watch_);
  watch_ = -1;
}

bell::~bell() {
  for (const auto fd : {file_, watch_})
    if (fd >= 0) ::close(fd);
}

void bell::ring() const {
  if (file_ < 0) return;
  [[maybe_unused]] const auto written =
      ::pwrite(file_, "!", 1, 0);  // a full disk: they look from time to time
}

void bell::silence() const {
  char events[4096];
  while (watch_ >= 0 && ::read(watch_, events, sizeof events) > 0) {
  }
}
}  // namespace troupe::lock
