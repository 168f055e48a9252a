#include "patterns/checking/session.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace troupe::checking {
std::string_view to_string(guarantee g) {
  constexpr std::string_view names[] = {"read-your-writes", "monotonic-reads", "monotonic-writes",
                                        "writes-follow-reads"};
  return names[static_cast<std::size_t>(g)];
}

std::string session_refusal(const operation& op) {
  if (op.f != "read" && op.f != "write") return "is neither a read nor a write";
  if (op.f == "write" && op.in.empty()) return "writes nothing, which is what is there before";
  return {};
}

namespace {
// `before` is an earlier version than `after`, or the same one if `or_same`, since one process did
// `first` and then `then`.
struct claim {
  value before{}, after{};
  guarantee why{};
  const operation* first = nullptr;
  const operation* then = nullptr;
};

bool wanted(const std::vector<guarantee>& promised, guarantee g) {
  return std::find(promised.begin(), promised.end(), g) != promised.end();
}

// What one process says of one key, by its neighbouring operations: order is transitive, but which
// claims are made depends on the kinds of both, so the last of each kind is remembered.
std::vector<claim> claims_of(const operations& ops, const std::vector<guarantee>& promised) {
  std::vector<claim> all;
  struct last {
    std::vector<const operation*> reads{}, writes{};
  };
  std::map<std::int64_t, last> sessions;
  const auto version = [](const operation& op) { return op.f == "write" ? op.in : op.out; };
  for (const auto& op : ops) {
    if (!op.ok()) continue;
    auto& before = sessions[op.process];
    const bool writes = op.f == "write";
    const auto add = [&](const std::vector<const operation*>& those, guarantee why) {
      if (!wanted(promised, why)) return;
      for (const auto* first : those)
        if (version(*first) != version(op))
          all.push_back({version(*first), version(op), why, first, &op});
    };
    add(before.writes, writes ? guarantee::monotonic_writes : guarantee::read_your_writes);
    add(before.reads, writes ? guarantee::writes_follow_reads : guarantee::monotonic_reads);
    auto& mine = writes ? before.writes : before.reads;
    const bool chained =
        wanted(promised, writes ? guarantee::monotonic_writes : guarantee::monotonic_reads);
    if (chained) mine.clear();  // the earlier ones follow from the last
    mine.push_back(&op);
  }
  return all;
}

// The shortest circle of claims, by breadth first search from each version.
std::vector<claim> circle(const std::vector<claim>& claims) {
  std::map<value, std::vector<std::size_t>> from;
  for (std::size_t i = 0; i < claims.size(); ++i) from[claims[i].before].push_back(i);
  std::vector<claim> best;
  for (const auto& [start, unused] : from) {
    std::map<value, std::size_t> by;  // version: the claim that first led there
    std::vector<value> queue{start};
    for (std::size_t i = 0; i < queue.size() && !by.contains(start); ++i) {
      const auto at = from.find(queue[i]);
      if (at == from.end()) continue;
      for (const auto c : at->second)
        if (by.try_emplace(claims[c].after, c).second) queue.push_back(claims[c].after);
    }
    if (!by.contains(start)) continue;
    std::vector<claim> found;
    value v = start;
    do {
      found.push_back(claims[by.at(v)]);
      v = found.back().before;
    } while (v != start);
    std::reverse(found.begin(), found.end());
    if (best.empty() || found.size() < best.size()) best = found;
  }
  return best;
}

struct part {
  const operations& ops;
  const value& key;
  report& all;

  void violated(std::string sentence, operations smallest) {
    all.keys.push_back(key);
    if (all.what == verdict::violated) return;
    all.what = verdict::violated;
    all.sentence = std::move(sentence);
    std::sort(smallest.begin(), smallest.end(),
              [](const auto& a, const auto& b) { return a.invoked < b.invoked; });
    smallest.erase(std::unique(smallest.begin(), smallest.end()), smallest.end());
    all.smallest = std::move(smallest);
  }

  // Reads of what nobody wrote; false: something is wrong, and the key is done with.
  bool read_what_was_written() {
    std::map<value, const operation*> writers;
    for (const auto& op : ops)
      if (op.f == "write" && !writers.emplace(op.in, &op).second) {
        if (all.what == verdict::consistent) {
          all.what = verdict::unknown;
          all.sentence = to_string(op.in) + " is written more than once, key " + to_string(key) +
                         ": sessions can be judged where each value is written once";
        }
        return false;
      }
    for (const auto& op : ops) {
      if (!op.ok() || op.f != "read" || op.out.empty()) continue;
      const auto at = writers.find(op.out);
      if (at == writers.end()) return (violated("read what nobody wrote", {op}), false);
      const auto& w = *at->second;
      if (w.end == outcome::fail)
        return (violated("read what failed to be written", {w, op}), false);
      if (w.invoked > op.returned)
        return (violated("read what was only written later", {op, w}), false);
    }
    return true;
  }

  void versions_have_an_order(const std::vector<guarantee>& promised) {
    auto claims = claims_of(ops, promised);
    // nothing comes before null
    for (const auto& c : claims)
      if (c.after.empty()) return explain({c});
    const auto found = circle(claims);
    if (!found.empty()) explain(found);
  }

  void explain(const std::vector<claim>& found) {
    std::string sentence = "versions would stand in a circle";
    operations smallest;
    for (const auto& c : found) {
      sentence += "; " + to_string(c.before) + " before " + to_string(c.after) + " (process " +
                  std::to_string(c.first->process) + ", " + std::string{to_string(c.why)} + ")";
      smallest.push_back(*c.first);
      smallest.push_back(*c.then);
      for (const auto& op : ops)
        if (op.f == "write" && (op.in == c.before || op.in == c.after)) smallest.push_back(op);
    }
    violated(std::move(sentence), std::move(smallest));
  }
};
}  // namespace

report check_sessions(const operations& ops, const std::vector<guarantee>& promised) {
  report all;
  all.checked = ops.size();
  std::map<value, operations> parts;
  for (const auto& op : ops) parts[op.key].push_back(op);
  for (const auto& [key, some] : parts) {
    part p{some, key, all};
    if (p.read_what_was_written()) p.versions_have_an_order(promised);
  }
  return all;
}
}  // namespace troupe::checking
