// The coordination tree as a replicated state machine: requests, questions and replies as encoded
// structs.
//   const auto bytes = encode(tree::request{tree::create{"/app", "v1"}, session, secret, now});
//   const auto r = decode<tree::reply>(machine.apply(at, bytes));
//   Beware  `look` is called after each entry, in order, and after a restore with none: the place to
//           tell a session_clock and the watches
#pragma once
#include "patterns/consensus/state_machine.hpp"
#include "patterns/tree/tree.hpp"

#include <functional>
#include <string>
#include <string_view>
namespace troupe::tree {
class tree_machine final : public state_machine {
 public:
  using observer = std::function<void(const data_tree&, const effect*)>;
  explicit tree_machine(tree_settings bounds = {}, observer look = {});
  std::string apply(const applied& at, std::string_view bytes) override;
  std::string query(std::string_view bytes) const override;
  std::string snapshot() const override { return tree_.snapshot(); }
  result<void, std::string> restore(std::string_view bytes) override;
  const data_tree& content() const { return tree_; }

 private:
  data_tree tree_;
  observer look_;
};
}  // namespace troupe::tree
