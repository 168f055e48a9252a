#include "patterns/checking/views.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace troupe::checking {
namespace {
enum class rank : std::uint8_t { joining, up, leaving, exiting, down, removed, reached };
struct word {
  std::string_view f;
  rank what;
};
constexpr std::array words{
    word{"member_joining", rank::joining},     word{"member_up", rank::up},
    word{"member_leaving", rank::leaving},     word{"member_exiting", rank::exiting},
    word{"member_down", rank::down},           word{"member_removed", rank::removed},
    word{"member_unreachable", rank::reached}, word{"member_reachable", rank::reached},
};

const word* word_of(const operation& op) {
  const auto found =
      std::find_if(words.begin(), words.end(), [&](const word& w) { return w.f == op.f; });
  return found == words.end() ? nullptr : &*found;
}

struct seen {
  std::optional<rank> state{};          // none: it was heard of, but not of its state
  const operation* last = nullptr;      // what said so
  const operation* followed = nullptr;  // by another incarnation, as this said
};
struct name_seen {
  std::map<value, seen> incarnations{};
  value newest{};
};

bool gone(rank r) { return r == rank::down || r == rank::removed; }
}  // namespace

std::string views_refusal(const operation& op) {
  if (word_of(op) == nullptr) return "is no news of a member";
  if (op.key.empty() || op.in.empty()) return "does not name a member and its incarnation";
  return {};
}

report check_views(const operations& ops) {
  report all;
  all.checked = ops.size();
  std::map<std::pair<std::int64_t, value>, name_seen> views;
  const auto violated = [&](const operation& before, const operation& op, const std::string& why) {
    all.keys.push_back(op.key);
    if (all.what == verdict::violated) return;
    all.what = verdict::violated;
    all.sentence = "process " + std::to_string(op.process) + " says " + op.f + " of " +
                   to_string(op.key) + ", incarnation " + to_string(op.in) + ", " + why;
    all.smallest = {before, op};
  };
  for (const auto& op : ops) {
    const auto* const said = word_of(op);
    if (said == nullptr || !op.ok()) continue;
    auto& name = views[{op.process, op.key}];
    auto& of = name.incarnations[op.in];
    const bool of_state = said->what != rank::reached;
    if (of.state && (of_state ? said->what <= *of.state : gone(*of.state)))
      violated(*of.last, op, "after " + of.last->f);
    else if (of.followed != nullptr && !gone(said->what))
      violated(*of.followed, op, "after another incarnation has followed it");
    if (of_state && (!of.state || said->what > *of.state)) {
      of.state = said->what;
      of.last = &op;
    }
    if (!of_state || gone(said->what) || name.newest == op.in) continue;
    for (auto& [other, o] : name.incarnations)
      if (!(other == op.in) && o.followed == nullptr) o.followed = &op;
    name.newest = op.in;
  }
  return all;
}
}  // namespace troupe::checking
