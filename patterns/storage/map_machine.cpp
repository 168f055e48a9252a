#include "patterns/storage/map_machine.hpp"

#include "patterns/encoding.hpp"

#include <utility>
namespace troupe::storage {
map_machine::map_machine(map_settings bounds, observer look)
    : map_{bounds}, look_{std::move(look)} {}

std::string map_machine::apply(const applied& at, std::string_view bytes) {
  const auto c = decode<command>(bytes);
  if (!c) return encode(reply{map_.at(), refused{refusal::malformed}});
  const auto r = map_.apply(*c, at.term);
  if (look_) look_(map_, &*c, &r);
  return encode(r);
}

std::string map_machine::query(std::string_view bytes) const {
  const auto q = decode<question>(bytes);
  return encode(q ? map_.query(*q) : reply{map_.at(), refused{refusal::malformed}});
}

result<void, std::string> map_machine::restore(std::string_view bytes) {
  auto done = map_.restore(bytes);
  if (done && look_) look_(map_, nullptr, nullptr);
  return done;
}
}  // namespace troupe::storage
