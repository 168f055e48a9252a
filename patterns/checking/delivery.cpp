#include "patterns/checking/delivery.hpp"

#include <algorithm>
#include <map>

namespace troupe::checking {
std::string_view to_string(delivery d) {
  constexpr std::string_view names[] = {"exactly-once", "at-least-once", "at-most-once"};
  return names[static_cast<std::size_t>(d)];
}

std::string delivery_refusal(const operation& op) {
  if (op.f != "send" && op.f != "deliver") return "is neither a send nor a deliver";
  if (op.f == "send" && op.in.empty()) return "sends a message without an id";
  return {};
}

namespace {
struct account {
  operations sends{};
  operations deliveries{};
};

std::string wrong_with(const account& a, delivery promised) {
  const auto& ds = a.deliveries;
  if (a.sends.empty()) return "was delivered, and nobody has sent it";
  if (a.sends.size() > 1) return "was sent more than once under the same id";
  const auto& sent = a.sends.front();
  if (!ds.empty() && sent.end == outcome::fail) return "was delivered, and its sending had failed";
  for (const auto& d : ds)
    if (d.returned < sent.invoked) return "was delivered before it was sent";
  if (promised != delivery::at_least_once && ds.size() > 1)
    return "was delivered " + std::to_string(ds.size()) + " times";
  if (promised != delivery::at_most_once && sent.ok() && ds.empty()) return "was never delivered";
  return {};
}
}  // namespace

report check_delivery(const operations& ops, delivery promised) {
  report all;
  all.checked = ops.size();
  std::map<std::pair<value, value>, account> accounts;  // key and id
  for (const auto& op : ops) {
    if (op.f == "send") accounts[{op.key, op.in}].sends.push_back(op);
    // who asks for a message, and is told that there is none, was delivered nothing
    if (op.f == "deliver" && op.ok() && !op.out.empty())
      accounts[{op.key, op.out}].deliveries.push_back(op);
  }
  std::size_t wrong = 0;
  for (const auto& [id, a] : accounts) {
    const auto why = wrong_with(a, promised);
    if (why.empty()) continue;
    if (all.keys.empty() || all.keys.back() != id.first) all.keys.push_back(id.first);
    if (wrong++ > 0) continue;
    all.what = verdict::violated;
    all.sentence = "message " + to_string(id.second) + " " + why;
    if (!id.first.empty()) all.sentence += ", key " + to_string(id.first);
    all.smallest = a.sends;
    all.smallest.insert(all.smallest.end(), a.deliveries.begin(), a.deliveries.end());
    std::sort(all.smallest.begin(), all.smallest.end(),
              [](const auto& x, const auto& y) { return x.invoked < y.invoked; });
  }
  if (wrong > 1)
    all.sentence +=
        "; so it is, in one way or another, with " + std::to_string(wrong - 1) + " more";
  return all;
}
}  // namespace troupe::checking
