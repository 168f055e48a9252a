#include "cluster/program/child.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::program {
using clock = std::chrono::steady_clock;

std::optional<child> child::start(const std::vector<std::string>& command, const variables& environment) {
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const auto parent = ::getpid();
  const auto pid = ::fork();
  if (pid < 0) return std::nullopt;
  if (pid == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::execvp(words.front(), words.data());
    for (const char* part : {"troupe: '", static_cast<const char*>(words.front()), "' cannot be run: ", ::strerrordesc_np(errno), "\n"})
      (void)!::write(STDERR_FILENO, part, std::strlen(part));  // all that may be called between fork and exec
    ::_exit(127);
  }
  ::setpgid(pid, pid);
  return child{pid};
}

int child::run(const std::vector<std::string>& command, const variables& environment) {
  auto runs = start(command, environment);
  if (!runs) return static_cast<int>(fail(exit_code::wrapper, "the system does not start another process"));
  for (bool told = false;; std::this_thread::sleep_for(milliseconds{5})) {
    if (const auto code = runs->ended()) return *code;
    if (interrupted() && !std::exchange(told, true)) runs->signal(SIGTERM);
  }
}

std::optional<int> child::ended() {
  int how = 0;
  if (::waitpid(pid_, &how, WNOHANG) != pid_) return std::nullopt;
  return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

void child::signal(int which) const { ::kill(-pid_, which); }

void child::end(milliseconds within) {
  signal(SIGTERM);
  for (const auto last = clock::now() + within; clock::now() < last; std::this_thread::sleep_for(milliseconds{5}))
    if (ended()) return signal(SIGKILL);  // what it has left behind
  signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}
}  // namespace troupe::program
