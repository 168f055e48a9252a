#include "patterns/checking/history.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace troupe::checking {
std::string_view to_string(event_type type) {
  constexpr std::string_view names[] = {"invoke", "ok", "fail", "info"};
  return names[static_cast<std::size_t>(type)];
}

std::optional<event_type> event_type_of(std::string_view name) {
  for (const auto type : {event_type::invoke, event_type::ok, event_type::fail, event_type::info})
    if (to_string(type) == name) return type;
  return {};
}

std::string_view to_string(outcome end) {
  constexpr std::string_view names[] = {"ok", "fail", "info"};
  return names[static_cast<std::size_t>(end)];
}

std::string_view to_string(flaw f) {
  switch (f) {
    case flaw::already_running:
      return "is invoked while its process still waits for the operation before";
    case flaw::not_running:
      return "completes what its process has not invoked";
    case flaw::other_operation:
      return "completes another operation (f or key) than its process has invoked";
    case flaw::time_goes_back:
      return "is earlier than what its process did before";
  }
  return "";
}

std::string to_string(const operation& op) {
  std::string text = op.f + '(' + (op.in.empty() ? "" : to_string(op.in)) + ')';
  if (op.end == outcome::fail) return text + " failed";
  if (op.end == outcome::info) return text + " ?";
  // the result of a write repeats its argument, or is nothing
  const bool silent = op.out.empty() ? !op.in.empty() : op.out == op.in;
  if (!silent) text += " -> " + to_string(op.out);
  return text;
}

namespace {
std::optional<flaw> complete(operation& op, const event& with, place at) {
  if (op.f != with.f || (!with.key.empty() && with.key != op.key)) return flaw::other_operation;
  op.to = with.time;
  if (with.type == event_type::info) return {};
  op.end = with.type == event_type::ok ? outcome::ok : outcome::fail;
  op.returned = at;
  if (op.ok()) op.out = with.content;
  return {};
}
}  // namespace

result<operations, refused> operations_of(const history& events) {
  std::vector<std::size_t> order(events.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::map<std::int64_t, std::int64_t> last;  // by process
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto [at, fresh] = last.try_emplace(events[i].process, events[i].time);
    if (!fresh && events[i].time < at->second) return unexpected{refused{i, flaw::time_goes_back}};
    at->second = events[i].time;
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return events[a].time < events[b].time; });
  operations all;
  std::map<std::int64_t, std::size_t> running;  // by process
  for (place at = 0; at < order.size(); ++at) {
    const auto i = order[at];
    const auto& e = events[i];
    const auto found = running.find(e.process);
    if (e.type == event_type::invoke) {
      if (found != running.end()) return unexpected{refused{i, flaw::already_running}};
      running.emplace(e.process, all.size());
      all.push_back({.process = e.process,
                     .f = e.f,
                     .key = e.key,
                     .in = e.content,
                     .invoked = at,
                     .from = e.time,
                     .to = e.time});
      continue;
    }
    if (found == running.end()) return unexpected{refused{i, flaw::not_running}};
    if (const auto wrong = complete(all[found->second], e, at))
      return unexpected{refused{i, *wrong}};
    running.erase(found);
  }
  return all;
}

history events_of(const operations& ops) {
  std::vector<std::tuple<std::int64_t, place, event>> all;
  for (const auto& op : ops) {
    const auto add = [&](event_type type, const value& v, std::int64_t time, place at) {
      all.emplace_back(time, at, event{op.process, type, op.f, op.key, v, time});
    };
    add(event_type::invoke, op.in, op.from, op.invoked);
    if (op.end == outcome::ok) add(event_type::ok, op.out, op.to, op.returned);
    if (op.end == outcome::fail) add(event_type::fail, op.in, op.to, op.returned);
    // an unknown end has no place of its own: right behind the invocation's time it is as true
    if (op.end == outcome::info) add(event_type::info, op.in, op.to, op.invoked);
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
  });
  history events;
  for (auto& each : all) events.push_back(std::move(std::get<2>(each)));
  return events;
}
}  // namespace troupe::checking
