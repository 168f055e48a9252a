#include "cluster/wake.hpp"

#include <csignal>
#include <cstdint>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace troupe {
wake::wake() {
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGTERM);
  sigaddset(&ours, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &ours, nullptr);
  signals_ = ::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
    raised_ = ends[0];
    raiser_ = ends[1];
  }
}

wake::~wake() {
  for (const int fd : {signals_, raised_, raiser_})
    if (fd >= 0) ::close(fd);
}

void wake::raise(int what) {
  const auto number = static_cast<std::uint8_t>(what);
  [[maybe_unused]] const auto written =
      ::write(raiser_, &number, 1);  // a full pipe wakes up as well
}

void wake::forget() {
  std::uint8_t numbers[64];
  while (::read(raised_, numbers, sizeof numbers) > 0) {
  }
}

int wake::wait() {
  for (;;)
    if (const auto got = poll(-1)) return *got;
}

std::optional<int> wake::wait_for(std::chrono::milliseconds time) {
  return poll(static_cast<int>(time.count()));
}

std::optional<int> wake::poll(int milliseconds) {
  pollfd both[] = {{signals_, POLLIN, 0}, {raised_, POLLIN, 0}};
  if (::poll(both, 2, milliseconds) <= 0) return std::nullopt;
  signalfd_siginfo which{};
  if (::read(signals_, &which, sizeof which) == sizeof which) return 0;
  std::uint8_t number = 0;
  if (::read(raised_, &number, 1) == 1) return number;
  return std::nullopt;
}
}  // namespace troupe
