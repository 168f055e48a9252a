#include "patterns/checking/linearizability.hpp"

#include <algorithm>

namespace troupe::checking {
std::map<value, operations> by_key(const operations& ops) {
  std::map<value, operations> parts;
  for (const auto& op : ops) parts[op.key].push_back(op);
  return parts;
}

operations cut(const operations& ops, place end) {
  operations some;
  for (const auto& op : ops) {
    if (op.invoked > end) continue;
    some.push_back(op);
    if (op.returned > end) some.back().returned = never;
  }
  return some;
}

std::string linearizability_sentence(const operations& whole, place stuck) {
  const auto at = std::find_if(whole.begin(), whole.end(),
                               [&](const auto& op) { return op.ok() && op.returned == stuck; });
  std::string text = "no order explains";
  if (at == whole.end()) return text + " these operations";
  text += " what process " + std::to_string(at->process) + " saw when " + to_string(*at) + " ended";
  if (!at->key.empty()) text += ", key " + to_string(at->key);
  return text;
}
}  // namespace troupe::checking
