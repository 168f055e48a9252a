#include "patterns/checking/sequential.hpp"

namespace troupe::checking::sequential_detail {
plan plan_of(const operations& ops) {
  plan p;
  std::map<value, std::size_t> objects;
  std::map<std::int64_t, std::size_t> lines;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto& op = ops[i];
    if (op.end == outcome::fail) continue;
    const auto object = objects.try_emplace(op.key, objects.size()).first->second;
    const auto line = lines.try_emplace(op.process, lines.size()).first->second;
    if (line == p.known.size()) p.known.emplace_back();
    const plan::step s{i, object, line, p.known[line].size()};
    (op.ok() ? p.known[line] : p.open).push_back(s);
  }
  p.objects = objects.size();
  return p;
}

std::string sentence_of(std::size_t operations, std::uint64_t steps_max) {
  const auto count = std::to_string(operations) + " operations could not be judged: ";
  if (operations > sequential_operations_max)
    return count + "there may be " + std::to_string(sequential_operations_max);
  return count + std::to_string(steps_max) + " steps did not suffice";
}
}  // namespace troupe::checking::sequential_detail
