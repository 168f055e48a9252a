#include "patterns/tree/machine.hpp"

#include "patterns/encoding.hpp"

#include <utility>
namespace troupe::tree {
tree_machine::tree_machine(tree_settings bounds, observer look)
    : tree_{bounds}, look_{std::move(look)} {}

std::string tree_machine::apply(const applied& at, std::string_view bytes) {
  const auto r = decode<request>(bytes);
  const auto done = r ? tree_.apply(at, *r) : tree_.refuse(at, refusal::malformed);
  if (look_) look_(tree_, &done);
  return encode(done.answer);
}

std::string tree_machine::query(std::string_view bytes) const {
  const auto q = decode<question>(bytes);
  return encode(q ? tree_.query(*q) : reply{tree_.at(), refused{refusal::malformed}});
}

result<void, std::string> tree_machine::restore(std::string_view bytes) {
  auto done = tree_.restore(bytes);
  if (done && look_) look_(tree_, nullptr);
  return done;
}
}  // namespace troupe::tree
