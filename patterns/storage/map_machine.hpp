// The map as a replicated state machine: commands, questions and replies as encoded structs.
//   const auto bytes = encode(storage::command{storage::put{"k", "v"}});   // into the log
//   const auto r = decode<storage::reply>(machine.apply(at, bytes));
//   Beware  `look` is called after each command that was applied, in order, and after a restore with
//           none: the place to tell a lease_keeper and a watch_hub
#pragma once
#include "patterns/consensus/state_machine.hpp"
#include "patterns/storage/map.hpp"

#include <functional>
#include <string>
#include <string_view>
namespace troupe::storage {
class map_machine final : public state_machine {
 public:
  using observer = std::function<void(const map&, const command*, const reply*)>;
  explicit map_machine(map_settings bounds = {}, observer look = {});
  std::string apply(const applied& at, std::string_view bytes) override;
  std::string query(std::string_view bytes) const override;
  std::string snapshot() const override { return map_.snapshot(); }
  result<void, std::string> restore(std::string_view bytes) override;
  const map& content() const { return map_; }

 private:
  map map_;
  observer look_;
};
}  // namespace troupe::storage
