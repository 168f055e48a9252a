#include "cluster/program/process.hpp"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::program {
namespace {
// A descriptor that closes itself.
struct descriptor {
  int fd = -1;
  explicit descriptor(int f) : fd{f} {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

int open_process(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

[[noreturn]] void become(const launch& what, std::vector<char*>& arguments, int report) {
  ::setsid();
  const int input = ::open("/dev/null", O_RDONLY);
  const int output = ::open(what.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (input >= 0 && output >= 0 && ::dup2(input, 0) >= 0 && ::dup2(output, 1) >= 0 &&
      ::dup2(output, 2) >= 0) {
    ::close_range(3, static_cast<unsigned>(report) - 1, 0);
    ::close_range(static_cast<unsigned>(report) + 1, ~0U, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execv(arguments.front(), arguments.data());
  }
  const int why = errno;
  [[maybe_unused]] const auto written = ::write(report, &why, sizeof why);
  ::_exit(127);
}
}  // namespace

std::optional<process> identify(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto name_end = text.rfind(')');  // the name may hold spaces and brackets
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest{text.substr(name_end + 1)};
  std::string state, skipped;
  rest >> state;
  for (int i = 4; i <= 21; ++i) rest >> skipped;
  process found{pid, 0};
  if (!(rest >> found.started) || state == "Z" || state == "X") return std::nullopt;
  return found;
}

bool alive(const process& p) { return p.pid > 0 && identify(p.pid) == p; }

bool send_signal(const process& p, int signal) {
  if (p.pid <= 0) return false;
  const descriptor handle{open_process(p.pid)};
  if (!alive(p))
    return false;  // asked after the handle was taken: the handle is this process or a dead one
  if (handle.fd < 0) return errno == ENOSYS && ::kill(p.pid, signal) == 0;
  return ::syscall(SYS_pidfd_send_signal, handle.fd, signal, nullptr, 0) == 0;
}

bool wait_gone(const std::vector<process>& all, std::chrono::milliseconds bound) {
  const auto end = std::chrono::steady_clock::now() + bound;
  for (const auto& p : all) {
    while (alive(p)) {
      ::waitpid(p.pid, nullptr, WNOHANG);  // reaps it where it is a child of ours
      if (std::chrono::steady_clock::now() >= end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    ::waitpid(p.pid, nullptr, WNOHANG);
  }
  return true;
}

std::optional<process> start(const launch& what) {
  std::vector<char*> arguments;
  arguments.reserve(what.command.size() + 1);
  for (const auto& word : what.command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  const pid_t pid = ::fork();
  if (pid == 0) become(what, arguments, ends[1]);
  const int fork_error = errno;
  const descriptor report{ends[0]};
  ::close(ends[1]);
  if (pid < 0) {
    errno = fork_error;
    return std::nullopt;
  }
  int why = 0;
  if (::read(report.fd, &why, sizeof why) ==
      sizeof why) {  // the pipe closes with a successful exec
    ::waitpid(pid, nullptr, 0);
    errno = why;
    return std::nullopt;
  }
  return identify(pid).value_or(process{pid, 0});
}

std::optional<std::string> ended(const process& child) {
  int status = 0;
  const pid_t got = ::waitpid(child.pid, &status, WNOHANG);
  if (got == 0) return std::nullopt;
  if (got < 0) return alive(child) ? std::nullopt : std::optional<std::string>{"ended"};
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "exited with code " + std::to_string(WEXITSTATUS(status));
}

std::filesystem::path own_program() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored);
}
}  // namespace troupe::program
