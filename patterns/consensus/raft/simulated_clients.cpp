#include "patterns/consensus/raft/simulated_clients.hpp"

#include "patterns/checking/linearizability.hpp"
#include "patterns/checking/models.hpp"

#include <algorithm>
namespace troupe::raft::simulated {
using namespace std::chrono_literals;
namespace {
checking::value value_of(std::uint32_t v) {
  return v == 0 ? checking::value{} : checking::value{v};
}
constexpr std::string_view verbs[] = {"write", "cas", "read"};
}  // namespace

void audience::begin(std::uint32_t client) {
  auto& c = all_[client];
  c.asking = true;
  ++c.what.sequence;
  c.what.client = client;
  c.what.key = static_cast<std::uint8_t>(chance_.below(keys));
  const auto kind = chance_.below(10);
  c.what.what = kind < 4 ? act::write : kind < 6 ? act::compare_and_set : act::read;
  c.what.value = c.what.what == act::read ? 0 : ++values_;
  c.what.expected = c.seen[c.what.key];
  const bool swaps = c.what.what == act::compare_and_set;
  note(c.what, checking::event_type::invoke,
       swaps ? checking::value{checking::list{value_of(c.what.expected), value_of(c.what.value)}}
             : value_of(c.what.value));
}

void audience::note(const request& r, checking::event_type type, checking::value content) {
  history_.push_back({.process = r.client,
                      .type = type,
                      .f = std::string{verbs[static_cast<std::size_t>(r.what)]},
                      .key = checking::value{r.key},
                      .content = std::move(content),
                      .time = 0});
}

void audience::answered(const request& r, bool done, std::uint32_t value) {
  auto& c = all_[r.client];
  if (!c.asking || c.what.sequence != r.sequence) return;
  c.asking = false;
  c.hint.reset();
  c.next = now_ + chance_.between(0ms, 60ms);
  ++answers_;
  if (r.what != act::read) c.acknowledged = r.sequence;
  if (r.what == act::read || done) c.seen[r.key] = r.what == act::read ? value : r.value;
  if (r.what == act::read)
    note(r, checking::event_type::ok, value_of(value));
  else
    note(r, checking::event_type::ok,
         r.what == act::write ? checking::value{} : checking::value{done});
}

void audience::refused(const request& r, std::optional<member> hint) {
  auto& c = all_[r.client];
  if (!c.asking || c.what.sequence != r.sequence) return;
  c.hint = hint;
  c.next = now_ + chance_.between(1ms, hint ? 5ms : 50ms);
}

bool audience::idle() const {
  return std::none_of(all_.begin(), all_.end(), [](const one& c) { return c.asking; });
}

std::string audience::judged() const {
  const auto ops = checking::operations_of(history_);
  if (!ops) return "the clients' history is none: " + std::string{to_string(ops.error().why)};
  const auto found = checking::check_linearizability(checking::cas{}, *ops);
  if (found.what == checking::verdict::consistent) return {};
  std::string text = found.sentence;
  for (const auto& op : found.smallest)
    text += "\n    " + std::to_string(op.process) + ": " + to_string(op);
  return text;
}
}  // namespace troupe::raft::simulated
