// Small histories as rows: who did what, from when to when.
//   judged(register_{}, {did(0, "write", 1, {}, {0, 3}), did(1, "read", {}, 1, {1, 2})})
#pragma once
#include "patterns/checking/linearizability.hpp"
#include "patterns/checking/models.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
namespace troupe::checking::rows {
struct span {
  std::int64_t from, to;
};
struct row {
  event begin{};
  std::optional<event> end{};
};

inline row did(std::int64_t p, std::string f, value in, value out, span when, value key = {}) {
  return {{p, event_type::invoke, f, key, std::move(in), when.from},
          event{p, event_type::ok, f, key, std::move(out), when.to}};
}
inline row failed(std::int64_t p, std::string f, value in, span when, value key = {}) {
  return {{p, event_type::invoke, f, key, in, when.from},
          event{p, event_type::fail, f, key, in, when.to}};
}
// A time-out, after which the process goes on.
inline row timed_out(std::int64_t p, std::string f, value in, span when, value key = {}) {
  return {{p, event_type::invoke, f, key, in, when.from},
          event{p, event_type::info, f, key, in, when.to}};
}
// Nothing was ever heard of it.
inline row maybe(std::int64_t p, std::string f, value in, std::int64_t from, value key = {}) {
  return {{p, event_type::invoke, f, key, std::move(in), from}, {}};
}

inline history events(const std::vector<row>& rows) {
  history all;
  for (const auto& r : rows) {
    all.push_back(r.begin);
    if (r.end) all.push_back(*r.end);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const event& a, const event& b) { return a.time < b.time; });
  return all;
}
inline operations operations_in(const std::vector<row>& rows) {
  const auto read = operations_of(events(rows));
  REQUIRE(read.has_value());
  return *read;
}

template <model M>
report judged(const M& m, const std::vector<row>& rows, const limits& within = {}) {
  const auto ops = operations_in(rows);
  for (const auto& op : ops) REQUIRE(refusal_of(m, op) == "");
  return check_linearizability(m, ops, within);
}

inline std::vector<std::string> texts(const operations& ops) {
  std::vector<std::string> all;
  for (const auto& op : ops) all.push_back(to_string(op));
  return all;
}
}  // namespace troupe::checking::rows
