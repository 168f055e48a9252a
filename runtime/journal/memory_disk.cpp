#include "runtime/journal/memory_disk.hpp"

#include "runtime/journal/codec.hpp"
#include "runtime/journal/extent.hpp"

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

namespace troupe::journal {
namespace {
// The first value that the batch would have written, with its place.
std::pair<std::string, std::string> first_value(const std::string& group, const batch& what) {
  if (what.state) return {state_place(group), encode(state_place(group), 0, 0, *what.state)};
  if (what.replace) {
    const auto& s = *what.replace;
    return {snapshot_place(group), encode(snapshot_place(group), s.index, s.term, s.bytes)};
  }
  if (what.append.empty()) return {};
  const auto& r = what.append.front();
  return {record_place(group), encode(record_place(group), r.index, r.term, r.bytes)};
}

failure corrupted(const std::string& what, const std::string& group, flaw why) {
  return {cause::corrupted, what + " of group '" + group +
                                "' is not what was written: " + std::string{to_string(why)}};
}
}  // namespace

void memory_disk::write(const std::string& group, batch what) {
  unsynced_.push_back({group, std::move(what)});
}

void memory_disk::sync(std::size_t count) {
  if (sync_lies) return;
  for (; count > 0 && !unsynced_.empty(); --count) {
    keep(unsynced_.front());
    unsynced_.pop_front();
  }
}

void memory_disk::keep(const written& w) {
  auto& to = durable_[w.group];
  const auto& what = w.what;
  if (what.state) to.state = encode(state_place(w.group), 0, 0, *what.state);
  if (what.cut_from) to.records.erase(to.records.lower_bound(*what.cut_from), to.records.end());
  if (what.replace) {
    const auto& s = *what.replace;
    to.base = encode(snapshot_place(w.group), s.index, s.term, s.bytes);
    if (what.restart) to.records.clear();
  }
  const auto upto = what.drop_upto ? *what.drop_upto : what.replace ? what.replace->index : 0;
  to.records.erase(to.records.begin(), to.records.upper_bound(upto));
  for (const auto& r : what.append)
    to.records[r.index] = encode(record_place(w.group), r.index, r.term, r.bytes);
}

void memory_disk::crash(simulation::generator& chance, bool tear) {
  auto kept = static_cast<std::size_t>(chance.below(unsynced_.size() + 1));
  if (sync_lies) kept = 0;
  for (std::size_t i = 0; i < kept; ++i) keep(unsynced_[i]);
  if (tear && kept < unsynced_.size()) {
    std::tie(torn_place_, torn_) = first_value(unsynced_[kept].group, unsynced_[kept].what);
    if (!torn_.empty()) torn_.resize(static_cast<std::size_t>(chance.below(torn_.size())));
  }
  unsynced_.clear();
  ++crashes_;
}

void memory_disk::cut_torn_tail() {
  if (torn_.empty()) return;
  assert(!decode(torn_place_, torn_));  // a part of a value never passes for one
  torn_.clear();
  ++torn_tails_;
}

bool memory_disk::rot(simulation::generator& chance) {
  std::vector<std::string*> all;
  for (auto& [group, of_group] : durable_) {
    if (!of_group.state.empty()) all.push_back(&of_group.state);
    if (!of_group.base.empty()) all.push_back(&of_group.base);
    for (auto& [index, value] : of_group.records) all.push_back(&value);
  }
  if (all.empty()) return false;
  auto& value = *all[static_cast<std::size_t>(chance.below(all.size()))];
  auto& byte = value[static_cast<std::size_t>(chance.below(value.size()))];
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << chance.below(8)));
  return true;
}

result<content, failure> memory_disk::read(const std::string& group) const {
  content found;
  if (const auto at = durable_.find(group); at != durable_.end()) {
    const auto& stored = at->second;
    if (!stored.state.empty()) {
      auto state = decode(state_place(group), stored.state, 0);
      if (!state) return unexpected{corrupted("the state", group, state.error())};
      found.state = std::move(state->bytes);
    }
    if (!stored.base.empty()) {
      auto base = decode(snapshot_place(group), stored.base);
      if (!base) return unexpected{corrupted("the snapshot", group, base.error())};
      found.base = snapshot{base->index, base->term, std::move(base->bytes)};
    }
    for (const auto& [index, value] : stored.records) {
      auto one = decode(record_place(group), value, index);
      if (!one) return unexpected{corrupted("record " + std::to_string(index), group, one.error())};
      found.records.push_back(std::move(*one));
    }
  }
  for (const auto& w : unsynced_)
    if (w.group == group) apply(found, w.what);
  if (const auto whole = extent_of(found, group); !whole) return unexpected{whole.error()};
  return found;
}

std::vector<std::string> memory_disk::groups() const {
  std::set<std::string> all;
  for (const auto& [group, stored] : durable_) all.insert(group);
  for (const auto& w : unsynced_) all.insert(w.group);
  return {all.begin(), all.end()};
}
}  // namespace troupe::journal
