// Configurations: as bytes of a log entry, and the ones of a log, of which the last is in force
// (section 6: as soon as it is appended, whether it is committed or not).
#pragma once
#include "patterns/consensus/raft/types.hpp"
#include "patterns/result.hpp"

#include <string_view>
#include <utility>
namespace troupe::raft {
// By id; a server once in each group.
configuration normal(configuration c);
bool joint(const configuration& c);
std::string encode(const configuration& c);
// Nothing but what encode made; the error names what is wrong.
result<configuration, std::string> decode_configuration(std::string_view bytes);

class config_stack {
 public:
  explicit config_stack(configuration base = {}, std::uint64_t index = 0) {
    restart(std::move(base), index);
  }
  const configuration& current() const { return all_.back().second; }
  std::uint64_t index() const { return all_.back().first; }
  const configuration& as_of(std::uint64_t index) const;
  void push(std::uint64_t index, configuration c) { all_.emplace_back(index, std::move(c)); }
  // Whether the one in force is another now.
  bool cut(std::uint64_t from);
  void compact(std::uint64_t upto);
  void restart(configuration base, std::uint64_t index);

 private:
  std::vector<std::pair<std::uint64_t, configuration>> all_;  // never empty
};
}  // namespace troupe::raft
