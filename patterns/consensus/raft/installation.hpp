// A snapshot that arrives in parts (section 7), in memory until it is whole.
//   Promises  parts are taken in order and once; what belongs to another snapshot begins anew
#pragma once
#include "patterns/consensus/raft/messages.hpp"

#include <optional>
namespace troupe::raft {
class installation {
 public:
  explicit installation(const snapshot_part& of)
      : index_{of.index}, term_{of.last_term}, config_{of.config}, size_{of.size} {}
  bool same(const snapshot_part& p) const {
    return p.index == index_ && p.last_term == term_ && p.size == size_;
  }
  void take(const snapshot_part& p) {
    if (p.offset == bytes_.size() && p.bytes.size() <= size_ - bytes_.size()) bytes_ += p.bytes;
  }
  std::uint64_t wanted() const { return bytes_.size(); }
  bool whole() const { return bytes_.size() == size_; }
  snapshot take_whole() {
    return {index_, term_, std::move(config_),
            std::make_shared<const std::string>(std::move(bytes_))};
  }

 private:
  std::uint64_t index_, term_;
  configuration config_;
  std::uint64_t size_;
  std::string bytes_;
};
}  // namespace troupe::raft
