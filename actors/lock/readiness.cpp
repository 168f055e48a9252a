#include "actors/lock/readiness.hpp"

#include <cerrno>
#include <cstdint>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
namespace troupe::lock {
readiness::readiness(std::function<void()> readable)
    : readable_{std::move(readable)},
      poll_{::epoll_create1(EPOLL_CLOEXEC)},
      stop_{::eventfd(0, EFD_CLOEXEC)} {
  epoll_event e{};
  e.events = EPOLLIN;
  e.data.fd = stop_;
  // Without descriptors left nothing is told: who asks must look by himself from time to time, as he does anyway.
  if (::epoll_ctl(poll_, EPOLL_CTL_ADD, stop_, &e) == 0) thread_ = std::thread{[this] { run(); }};
}

readiness::~readiness() {
  const std::uint64_t one = 1;
  if (thread_.joinable()) {
    while (::write(stop_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    thread_.join();
  }
  for (const auto fd : {poll_, stop_})
    if (fd >= 0) ::close(fd);
}

void readiness::watch(int fd) {
  epoll_event e{};
  if (watched_ >= 0 && watched_ != fd) ::epoll_ctl(poll_, EPOLL_CTL_DEL, watched_, &e);
  if (fd >= 0) {
    e.events = EPOLLIN | EPOLLONESHOT;
    e.data.fd = fd;
    // One that was closed meanwhile, and whose number is another's now, is not known any more.
    if (::epoll_ctl(poll_, EPOLL_CTL_MOD, fd, &e) != 0) ::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &e);
  }
  watched_ = fd;
}

void readiness::run() {
  for (;;) {
    epoll_event e{};
    const auto n = ::epoll_wait(poll_, &e, 1, -1);
    if (n < 0 && errno != EINTR) return;
    if (n <= 0) continue;
    if (e.data.fd == stop_) return;
    readable_();
  }
}
}  // namespace troupe::lock
