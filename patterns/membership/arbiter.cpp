#include "patterns/membership/arbiter.hpp"

#include <algorithm>
#include <set>
namespace troupe::membership {
namespace {
using ids = std::vector<member_id>;
constexpr std::size_t uses_max = 256;

bool among(const ids& all, const member_id& id) {
  return std::find(all.begin(), all.end(), id) != all.end();
}

const lease_use* find(const std::vector<lease_use>& uses, const member_id& by,
                      std::uint64_t number) {
  const auto at = std::find_if(uses.begin(), uses.end(), [&](const lease_use& u) {
    return u.by == by && u.number == number;
  });
  return at == uses.end() ? nullptr : &*at;
}

lease_answer refuse(const lease_claim& claim, std::string reason) {
  return {claim.number, lease_outcome::refused, {}, std::move(reason)};
}

std::string names_of(const ids& all) {
  std::string text;
  for (std::size_t i = 0; i < all.size() && i < 5; ++i) text += (i > 0 ? ", " : "") + all[i].name;
  return all.size() > 5 ? text + ", ..." : text;
}

void bury(lease_state& state, const ids& down) {
  auto& added = state.holding->added;
  for (const auto& id : down) {
    if (among(state.dead.all, id)) continue;
    state.dead.all.push_back(id);
    added.push_back(id);
  }
  auto& all = state.dead.all;
  if (all.size() > dead_max) all.erase(all.begin(), all.end() - dead_max);
}
}  // namespace

lease_answer take(lease_state& state, const lease_claim& claim) {
  auto& held = state.holding;
  if (const auto* use = held ? find(held->uses, claim.by, claim.number) : nullptr) {
    return {claim.number, lease_outcome::granted, use->down, {}};  // its answer was lost
  }
  if (among(state.dead.all, claim.by)) {
    return refuse(claim, "another side got it and gave this one up");
  }
  const bool related = !held || among(held->side, claim.by) ||
                       std::any_of(claim.side.begin(), claim.side.end(),
                                   [&](const member_id& id) { return among(held->side, id); });
  if (!related) return refuse(claim, "the side of " + names_of(held->side) + " holds it");
  if (held && held->uses.size() >= uses_max) {
    return refuse(claim, "it was asked for too often while it was held");
  }
  std::set<member_id> down{claim.down.begin(), claim.down.end()}, stays;
  for (const auto& id : claim.side) {
    if (among(state.dead.all, id)) down.insert(id);  // others of our side knew more
  }
  if (!held) held.emplace();
  const ids go{down.begin(), down.end()};
  held->uses.push_back({claim.by, claim.number, go});
  bury(state, go);
  stays.insert(held->side.begin(), held->side.end());
  stays.insert(claim.side.begin(), claim.side.end());
  for (const auto& id : go) stays.erase(id);
  held->side.assign(stays.begin(), stays.end());
  return {claim.number, lease_outcome::granted, go, {}};
}

bool give_back(lease_state& state, const lease_return& what) {
  auto& held = state.holding;
  if (!held) return false;
  const auto gone = std::erase_if(
      held->uses, [&](const lease_use& u) { return u.by == what.by && u.number == what.number; });
  if (gone == 0) return false;
  const auto wanted = [&](const member_id& id) {
    return std::any_of(held->uses.begin(), held->uses.end(),
                       [&](const lease_use& u) { return among(u.down, id); });
  };
  std::erase_if(held->added, [&](const member_id& id) {
    if (wanted(id)) return false;
    std::erase(state.dead.all, id);
    return true;
  });
  if (held->uses.empty()) held.reset();
  return true;
}
}  // namespace troupe::membership
