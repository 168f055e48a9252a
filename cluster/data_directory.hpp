// The directory of one node alone: made where it does not exist, locked for as long as the node has it, and gone with
// the node where it was a temporary one.
//   DIR/lock      held while a node has the directory
//   DIR/members   who else was in its cluster, an address a line; without it a node starts as if for the first time
#pragma once
#include "patterns/result.hpp"

#include <filesystem>
#include <string>
#include <vector>
namespace troupe {
class data_directory {
 public:
  // An empty path: a new one below the system's directory for temporary files. Refused with a sentence where another
  // process has it, or where it cannot be written.
  static result<data_directory, std::string> take(const std::string& path, const std::string& node);
  data_directory(data_directory&& other) noexcept;
  data_directory& operator=(data_directory&&) = delete;
  ~data_directory();

  const std::filesystem::path& path() const { return path_; }

  // The addresses of the other members, for the process that comes here next: it looks for them before it forms a
  // cluster of its own. None after an orderly end.
  std::vector<std::string> members() const;
  void remember(const std::vector<std::string>& members) const;

 private:
  data_directory(std::filesystem::path path, int lock, bool temporary)
      : path_{std::move(path)}, lock_{lock}, temporary_{temporary} {}
  std::filesystem::path path_;
  int lock_ = -1;
  bool temporary_ = false;
};
}  // namespace troupe
