#include "runtime/journal/extent.hpp"

#include <algorithm>

namespace troupe::journal {
namespace {
unexpected<failure> gap(const std::string& why) {
  return unexpected{failure{cause::gap, "the batch does not fit the journal: " + why}};
}
std::string text(std::uint64_t index) { return std::to_string(index); }

std::size_t largest_of(const std::vector<record>& records) {
  std::size_t largest = 0;
  for (const auto& r : records) largest = std::max(largest, r.bytes.size());
  return largest;
}

void forget(extent& e) {
  e.first = e.base + 1;
  e.last = e.base;
}
}  // namespace

std::string_view to_string(cause c) {
  switch (c) {
    case cause::gap:
      return "gap";
    case cause::too_large:
      return "too_large";
    case cause::full:
      return "full";
    case cause::broken:
      return "broken";
    case cause::corrupted:
      return "corrupted";
    case cause::missing:
      return "missing";
    case cause::foreign:
      return "foreign";
    case cause::other_node:
      return "other_node";
    case cause::other_cluster:
      return "other_cluster";
    case cause::other_format:
      return "other_format";
    case cause::locked:
      return "locked";
    case cause::read_only:
      return "read_only";
    case cause::closed:
      return "closed";
  }
  return "?";
}

result<extent, failure> extent::after(const batch& what) const {
  const auto largest =
      std::max({what.state ? what.state->size() : 0, what.replace ? what.replace->bytes.size() : 0,
                largest_of(what.append)});
  if (largest > value_max)
    return unexpected{failure{cause::too_large, "the batch holds a value of " + text(largest) +
                                                    " bytes, and the journal takes " +
                                                    text(value_max) + " at most"}};
  auto next = *this;
  if (what.cut_from) {
    if (*what.cut_from <= base)
      return gap("a cut from " + text(*what.cut_from) + " goes into the snapshot, which ends at " +
                 text(base));
    next.last = std::min(next.last, *what.cut_from - 1);
    if (next.empty()) forget(next);
  }
  if (what.restart && !what.replace) return gap("a restart without a snapshot");
  if (what.replace) {
    const auto index = what.replace->index;
    if (index == 0 || index < base)
      return gap("a snapshot at " + text(index) + " is older than the one at " + text(base));
    next.base = index;
    if (what.restart) forget(next);
  }
  const auto upto = what.drop_upto ? *what.drop_upto
                    : what.replace ? what.replace->index
                                   : std::uint64_t{0};
  if (upto > next.base)
    return gap("records up to " + text(upto) + " are to be dropped, and the snapshot ends at " +
               text(next.base));
  if (!next.empty()) next.first = std::max(next.first, upto + 1);
  if (next.empty())
    forget(next);
  else if (next.last < next.base)
    return gap("records up to " + text(next.last) + " would be kept, and the snapshot ends at " +
               text(next.base));
  for (const auto& r : what.append) {
    if (r.index != next.last + 1)
      return gap("record " + text(r.index) + " is to follow " + text(next.last));
    next.last = r.index;
  }
  return next;
}

result<extent, failure> extent_of(const content& found, const std::string& group) {
  extent all;
  if (found.base) all.base = found.base->index;
  forget(all);
  const auto wrong = [&](const std::string& why) {
    return unexpected{failure{cause::corrupted, "the journal of group '" + group + "' " + why}};
  };
  if (found.records.empty()) return all;
  all.first = found.records.front().index;
  all.last = all.first - 1;
  if (all.first == 0 || all.first > all.base + 1)
    return wrong("has no record " + text(all.base + 1) + ": it begins with " + text(all.first) +
                 (found.base ? ", behind a snapshot that ends at " + text(all.base) : ""));
  for (const auto& r : found.records) {
    if (r.index != all.last + 1)
      return wrong("has no record " + text(all.last + 1) + ": record " + text(r.index) +
                   " follows " + text(all.last));
    all.last = r.index;
  }
  if (all.last < all.base)
    return wrong("ends with record " + text(all.last) + ", before its snapshot's end at " +
                 text(all.base));
  return all;
}

void apply(content& to, const batch& what) {
  auto& records = to.records;
  if (what.state) to.state = *what.state;
  const auto drop_from = [&](std::uint64_t index) {
    while (!records.empty() && records.back().index >= index) records.pop_back();
  };
  if (what.cut_from) drop_from(*what.cut_from);
  if (what.replace) {
    to.base = what.replace;
    if (what.restart) records.clear();
  }
  const auto upto = what.drop_upto ? *what.drop_upto : what.replace ? what.replace->index : 0;
  const auto kept =
      std::find_if(records.begin(), records.end(), [&](const record& r) { return r.index > upto; });
  records.erase(records.begin(), kept);
  records.insert(records.end(), what.append.begin(), what.append.end());
}
}  // namespace troupe::journal
