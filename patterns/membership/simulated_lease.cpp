#include "patterns/membership/simulated_lease.hpp"

#include "patterns/membership/simulated.hpp"

#include <algorithm>
namespace troupe::membership {
using simulation::member;

simulated_lease::times simulated_lease::next(member by, instant now) {
  const auto some = [&] {
    return duration{1 + chance_.below(static_cast<std::uint64_t>(how_.delay_max.count()))};
  };
  instant& last = last_[by];
  last = std::max(now + some(), last + duration{1});
  return {last - now, some()};
}

simulated_lease::outcome simulated_lease::order(const lease_order& what, bool reached,
                                                instant now) {
  const bool unheard = chance_.below(1'000'000) < how_.loss,
             unsaid = chance_.below(1'000'000) < how_.loss;
  const auto* claim = std::get_if<lease_claim>(&what);
  if (!reached || unheard) {
    if (claim == nullptr) return {.again = true};
    if (unsaid) return {};
    return {.answer = lease_answer{.number = claim->number, .reason = "out of reach"}};
  }
  auto& cluster =
      clusters_[claim != nullptr ? claim->cluster : std::get<lease_return>(what).cluster];
  if (now >= cluster.until) cluster.what.holding.reset();
  if (claim == nullptr) {
    give_back(cluster.what, std::get<lease_return>(what));
    return {};
  }
  auto answer = take(cluster.what, *claim);
  if (answer.what == lease_outcome::granted) {
    cluster.until = now + how_.held_for;
    ++granted_;
  }
  if (unsaid) answer = {.number = claim->number, .reason = "nobody knows"};
  return {.answer = std::move(answer)};
}

void town::lease_ordered(member by, const std::string& incarnation, const lease_order& what) {
  const auto when = lease_.next(by, now());
  call(when.there, [this, by, incarnation, what, back = when.back](world&) {
    auto did = lease_.order(what, reaches_lease(by), now());
    if (did.answer) give(by, lease_told{incarnation, std::move(*did.answer)}, back);
    const bool lives = at(by) != nullptr && at(by)->id().incarnation == incarnation;
    if (did.again && lives) lease_ordered(by, incarnation, what);
  });
}

// The first three are the voters; of two members the first.
bool town::reaches_lease(member by) const {
  if (reaches_) return reaches_(by);
  const member voters = size() >= 3 ? 3 : 1;
  member reached = 0;
  for (member v = 0; v < voters; ++v) {
    const bool runs = at(v) != nullptr && !frozen(v);
    if (runs && (v == by || (passes(by, v) && passes(v, by)))) ++reached;
  }
  return reached > voters / 2;
}

std::string town::kept(const std::vector<member>& side, const strategy& how) const {
  const auto here = [&](member m) { return std::find(side.begin(), side.end(), m) != side.end(); };
  const std::size_t ours = side.size(), theirs = size() - ours;
  const auto favoured = [&]() -> std::optional<bool> {  // is it `side`? none: nobody
    if (how.kind == downing::down_all) return {};
    if (how.kind == downing::static_quorum) {
      if (ours >= how.quorum && theirs >= how.quorum) return {};
      return ours >= how.quorum     ? std::optional{true}
             : theirs >= how.quorum ? std::optional{false}
                                    : std::nullopt;
    }
    if (how.kind == downing::keep_oldest) {  // the first seed is, here
      const bool alone = (here(0) ? ours : theirs) == 1 && size() > 2;
      return here(0) != (alone && how.down_if_alone);
    }
    if (how.kind == downing::lease_majority) {
      bool reach[2] = {};
      for (member m = 0; m < size(); ++m) reach[here(m) ? 1 : 0] |= reaches_lease(m);
      if (!reach[0] && !reach[1]) return {};
      if (reach[0] != reach[1]) return reach[1];
    }
    return ours != theirs ? ours > theirs : here(0);  // the lowest name
  }();
  std::string wrong;
  for (member m = 0; m < size(); ++m) {
    const bool living = at(m) != nullptr && this->lives(m) == 1;
    const bool should = how.kind == downing::none || favoured == here(m);
    if (living != should) wrong += name_of(m) + (living ? " lives; " : " has gone; ");
  }
  return wrong;
}

// S6: whom this one has given up, and who has given up this one.
std::string town::both_live(member m) const {
  const swim& mine = *at(m);
  if (how_.resolving.how.kind != downing::lease_majority || mine.where() != standing::member)
    return {};
  for (member other = 0; other < size(); ++other) {
    if (other == m || at(other) == nullptr || at(other)->where() != standing::member) continue;
    const swim& theirs = *at(other);
    if (theirs.cluster() != mine.cluster()) continue;
    const auto seen = mine.members().find(theirs.id()), back = theirs.members().find(mine.id());
    if (seen == mine.members().end() || back == theirs.members().end()) continue;
    if (!present(seen->second) && !present(back->second))
      return "so have " + name_of(m) + " and " + name_of(other);
  }
  return {};
}
}  // namespace troupe::membership
