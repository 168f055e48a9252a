#include "patterns/simulation/network.hpp"

#include <algorithm>
namespace troupe::simulation {
void network::begin(std::uint32_t id, const fault& f, std::size_t members) {
  lasting l{.id = id, .what = f.what, .amount = f.amount, .from = {}, .to = {}};
  if (!f.who.empty()) l.from.resize(members);
  if (!f.whom.empty()) l.to.resize(members);
  for (const auto m : f.who) l.from.at(m) = true;
  for (const auto m : f.whom) l.to.at(m) = true;
  if (f.what == fault_kind::partition && f.who.empty()) return;  // nobody on one side
  lasting_.push_back(std::move(l));
}

void network::end(std::uint32_t id) {
  std::erase_if(lasting_, [&](const lasting& l) { return l.id == id; });
}

bool network::passes(member from, member to) const {
  for (const auto& l : lasting_) {
    const bool stops = l.what == fault_kind::cut || l.what == fault_kind::partition;
    if (stops && from != to && l.covers(from, to)) return false;
  }
  return true;
}

network::fate network::of(member from, member to, generator& chance) const {
  std::int64_t loss = usual_.loss, repeated = usual_.repeated, delay = 0;
  for (const auto& l : lasting_) {
    if (!l.covers(from, to)) continue;
    switch (l.what) {
      case fault_kind::lose:
        loss = std::max(loss, l.amount);
        break;
      case fault_kind::repeat:
        repeated = std::max(repeated, l.amount);
        break;
      case fault_kind::delay:
        delay = std::max(delay, l.amount);
        break;
      case fault_kind::cut:
      case fault_kind::partition:
        if (from != to) return {};
        break;
      default:
        break;
    }
  }
  if (chance.chance(static_cast<std::uint32_t>(loss))) return {};
  fate f;
  f.copies = chance.chance(static_cast<std::uint32_t>(repeated)) ? 2 : 1;
  for (unsigned i = 0; i < f.copies; ++i) {
    f.after[i] = chance.between(usual_.delay_min, usual_.delay_max);
    if (delay > 0) f.after[i] += chance.between({}, duration{delay});
  }
  return f;
}
}  // namespace troupe::simulation
