// A command that runs while something is held, as a process group that ends with us at the latest.
#pragma once
#include "cluster/program/command.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>
namespace troupe::program {
class child {
 public:
  using variables = std::vector<std::pair<std::string, std::string>>;
  // Nothing: the system starts no further process.
  static std::optional<child> start(const std::vector<std::string>& command, const variables& environment);
  // From its start to its end, which an interruption asks for; its exit code, or exit_code::wrapper.
  static int run(const std::vector<std::string>& command, const variables& environment);
  // Its exit code, as a shell gives it, once it has ended.
  std::optional<int> ended();
  void signal(int which) const;
  void end(milliseconds within);  // SIGTERM, and SIGKILL to what is left of it then

 private:
  explicit child(pid_t pid) : pid_{pid} {}
  pid_t pid_;
};
}  // namespace troupe::program
