#include "patterns/checking/exclusion.hpp"

#include <algorithm>
#include <map>

namespace troupe::checking {
std::string exclusion_refusal(const operation& op) {
  if (op.f != "acquire" && op.f != "release" && op.f != "access")
    return "is neither an acquire, a release nor an access";
  const auto& token = op.f == "acquire" ? op.out : op.in;
  if (op.f == "access" && !token.integer()) return "is an access without a token, a whole number";
  if (!token.empty() && !token.integer()) return "has a fencing token that is not a whole number";
  return {};
}

std::string leaders_refusal(const operation& op) {
  if (op.f != "leader") return "is no leader";
  if (!op.in.integer()) return "becomes leader of a term that is not a whole number";
  return {};
}

namespace {
struct hold {
  const operation* grant = nullptr;
  const operation* end = nullptr;  // the release, or the last thing the process did
  place until = 0;
};

// From each grant to the same process's next release.
std::vector<hold> holds_of(const operations& ops, const std::map<std::int64_t, place>& last_of) {
  std::vector<hold> all;
  std::map<std::int64_t, std::size_t> open;
  for (const auto& op : ops) {
    if (op.f == "release") {
      if (const auto at = open.find(op.process); at != open.end()) {
        all[at->second].end = &op;
        all[at->second].until = op.invoked;
        // one that failed, or may have, leaves the lock held, for all the process knows; what is
        // certain ends here all the same
        open.erase(at);
      }
    } else if (op.f == "acquire" && op.ok()) {
      open[op.process] = all.size();
      all.push_back({&op, nullptr, std::max(op.returned, last_of.at(op.process))});
    }
  }
  std::sort(all.begin(), all.end(),
            [](const hold& a, const hold& b) { return a.grant->returned < b.grant->returned; });
  return all;
}

struct judge {
  const operations& ops;
  const value& key;
  report& all;
  bool keeps = false;

  bool violated(std::string sentence, std::vector<const operation*> what) {
    all.keys.push_back(key);
    if (all.what == verdict::violated) return true;
    all.what = verdict::violated;
    all.sentence = std::move(sentence);
    if (!key.empty()) all.sentence += ", key " + to_string(key);
    std::sort(what.begin(), what.end(),
              [](const auto* a, const auto* b) { return a->invoked < b->invoked; });
    for (const auto* op : what)
      if (op) all.smallest.push_back(*op);
    return true;
  }

  bool held_twice(const std::map<std::int64_t, place>& last_of) {
    const hold* longest = nullptr;
    const auto holds = holds_of(ops, last_of);
    for (const auto& h : holds) {
      if (longest && longest->until > h.grant->returned &&
          longest->grant->process != h.grant->process) {
        std::vector<const operation*> what{longest->grant, h.grant};
        if (longest->end) what.push_back(longest->end);
        if (h.end) what.push_back(h.end);
        return violated("processes " + std::to_string(longest->grant->process) + " and " +
                            std::to_string(h.grant->process) + " hold the lock at once",
                        what);
      }
      if (!longest || h.until > longest->until) longest = &h;
    }
    return false;
  }

  // Of operations with tokens: each is compared with the highest of those that were over before.
  bool falls(const std::vector<const operation*>& some, bool equal_too,
             const std::string& sentence) {
    auto by_end = some;
    std::sort(by_end.begin(), by_end.end(),
              [](const auto* a, const auto* b) { return a->returned < b->returned; });
    std::size_t over = 0;
    const operation* highest = nullptr;
    for (const auto* op : some) {
      for (; over < by_end.size() && by_end[over]->returned < op->invoked; ++over)
        if (!highest || token_of(*by_end[over]) > token_of(*highest)) highest = by_end[over];
      if (!highest) continue;
      const bool kept = keeps && op->process == highest->process;
      if (token_of(*op) < token_of(*highest) ||
          (equal_too && !kept && token_of(*op) == token_of(*highest)))
        return violated(sentence + std::to_string(token_of(*op)) + " after " +
                            std::to_string(token_of(*highest)),
                        {highest, op});
    }
    return false;
  }

  static std::int64_t token_of(const operation& op) {
    return *(op.f == "acquire" ? op.out : op.in).integer();
  }
  std::vector<const operation*> with_token(std::string_view f) const {
    std::vector<const operation*> some;
    for (const auto& op : ops)
      if (op.ok() && op.f == f && (f == "acquire" ? op.out : op.in).integer()) some.push_back(&op);
    return some;
  }

  bool token_twice(const std::vector<const operation*>& grants) {
    std::map<std::int64_t, const operation*> owners;
    for (const auto* op : grants)
      if (const auto [at, fresh] = owners.emplace(token_of(*op), op);
          !fresh && !(keeps && at->second->process == op->process))
        return violated("token " + std::to_string(token_of(*op)) + " is granted twice",
                        {at->second, op});
    return false;
  }
};
}  // namespace

report check_exclusion(const operations& ops, const exclusion& promised) {
  report all;
  all.checked = ops.size();
  std::map<value, operations> parts;
  std::map<std::int64_t, place> last_of;  // when a process was last seen, anywhere
  for (const auto& op : ops) {
    parts[op.key].push_back(op);
    auto& last = last_of[op.process];
    last = std::max(last, op.returned == never ? op.invoked : op.returned);
  }
  for (const auto& [key, some] : parts) {
    judge j{some, key, all, promised.keeps};
    const auto grants = j.with_token("acquire");
    (void)((promised.holders && j.held_twice(last_of)) ||
           (promised.tokens && j.falls(grants, true, "a token that does not rise is granted: ")) ||
           (promised.tokens && j.token_twice(grants)) ||
           j.falls(j.with_token("access"), false, "the resource accepts a lower token: "));
  }
  return all;
}

report check_leaders(const operations& ops) {
  report all;
  all.checked = ops.size();
  std::map<std::pair<value, std::int64_t>, const operation*> leaders;  // group and term
  for (const auto& op : ops) {
    if (!op.ok()) continue;
    const auto [at, fresh] = leaders.emplace(std::pair{op.key, *op.in.integer()}, &op);
    if (fresh || at->second->process == op.process) continue;
    all.keys.push_back(op.key);
    if (all.what == verdict::violated) continue;
    all.what = verdict::violated;
    all.sentence = "processes " + std::to_string(at->second->process) + " and " +
                   std::to_string(op.process) + " are both leaders of term " + to_string(op.in);
    if (!op.key.empty()) all.sentence += ", group " + to_string(op.key);
    all.smallest = {*at->second, op};
  }
  return all;
}
}  // namespace troupe::checking
