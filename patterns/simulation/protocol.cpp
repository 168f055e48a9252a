#include "patterns/simulation/protocol.hpp"

#include <algorithm>
#include <cassert>
namespace troupe::simulation {
namespace {
const choice* named(const std::vector<choice>& all, std::string_view name) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const choice& c) { return c.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (const auto& one : all) text += (text.empty() ? "" : ", ") + one;
  return text;
}
}  // namespace

const std::string& protocol::chosen(const settings& how, std::string_view choice_name) const {
  const auto found = how.chosen.find(choice_name);
  if (found != how.chosen.end()) return found->second;
  const auto* const c = named(choices, choice_name);
  assert(c != nullptr && !c->values.empty());
  return c->values.front();
}

std::string protocol::refusal(const plan& p, const settings& how) const {
  if (p.members < members_min || p.members > members_max) {
    return name + " takes " + std::to_string(members_min) + " to " + std::to_string(members_max) +
           " members, not " + std::to_string(p.members);
  }
  for (const auto& [what, value] : how.chosen) {
    const auto* const c = named(choices, what);
    if (c == nullptr) {
      std::vector<std::string> names;
      for (const auto& one : choices) names.push_back(one.name);
      return name + " has no choice '" + what + "'" +
             (names.empty() ? "" : "; there is " + joined(names));
    }
    if (std::find(c->values.begin(), c->values.end(), value) == c->values.end()) {
      return "'" + value + "' is no " + what + " of " + name + "; there is " + joined(c->values);
    }
  }
  return {};
}
}  // namespace troupe::simulation
