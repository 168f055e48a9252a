// troupe locks: who holds which lock and who waits for it; what is left of latches, and who has come to barriers.
#include "actors/lock/locks.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/lock_store.hpp"
#include "cluster/program/table.hpp"
#include "patterns/lock/barrier.hpp"
#include "patterns/lock/deadlock.hpp"
#include "patterns/lock/kinds.hpp"
#include "patterns/lock/latch.hpp"
#include "runtime/codec/inspect.hpp"

#include <iostream>
#include <optional>

#include <caf/all.hpp>

namespace troupe::program {
namespace {
using json = nlohmann::ordered_json;
using lock::line_kind;
struct options {
  target to;
  std::string revoke, kind, store = "map";
  bool as_json = false;
};

// In both forms, as one of them is shown.
struct shown {
  json rows = json::array();
  table text{{"KIND", "NAME", "FENCE", "MODE", "OWNER", "STATE"}};
};

json row_of(const lock::line_name& whose, std::uint64_t fence) { return {{"kind", to_string(whose.what)}, {"name", whose.name}, {"fence", fence}}; }

void add_lock_line(const lock::line_name& whose, const lock::line& all, shown& to) {
  for (const auto& p : all) {
    const bool holds = lock::holds(all, p.ticket);
    json waits = json::array();
    for (const auto& other : lock::in_the_way(all, p.ticket)) waits.push_back(other.ticket);
    auto row = row_of(whose, p.ticket);
    row.update({{"mode", to_string(p.as)}, {"owner", p.owner}, {"holds", holds}, {"waits_for", waits}});
    if (p.as == lock::mode::permits) row.update({{"count", p.count}, {"capacity", p.capacity}});
    to.rows.push_back(row);
    to.text.add({"lock", whose.name, std::to_string(p.ticket), std::string{to_string(p.as)}, p.owner, holds ? "holds" : "waits"});
  }
}

void add_latch_line(const lock::line_name& whose, const lock::line& all, shown& to) {
  const auto is = lock::latch_of(all);
  if (is.ticket == 0) return;  // what a reset is about to take away
  auto row = row_of(whose, is.ticket);
  row.update({{"count", is.count}, {"left", is.left}, {"counted", is.counted}, {"awaited", is.gate}});
  to.rows.push_back(row);
  to.text.add({"latch", whose.name, std::to_string(is.ticket), "-", "-", lock::text_of_left(is)});
}

void add_barrier_line(const lock::line_name& whose, const lock::line& all, shown& to) {
  for (const auto& p : lock::parties_of(all)) {
    auto row = row_of(whose, p.ticket);
    row.update({{"owner", p.owner}, {"parties", p.parties}, {"round", p.round == 0 ? json{} : json(p.round)}});
    to.rows.push_back(row);
    to.text.add({"barrier", whose.name, std::to_string(p.ticket), "-", p.owner,
                 p.round == 0 ? "waits for " + std::to_string(p.parties) : "in round " + std::to_string(p.round)});
  }
}

void show(const lock::surveyed& found, const options& given) {
  shown all;
  for (const auto& [name, places] : found.all) {
    const auto whose = lock::whose_line(name);
    if (!given.kind.empty() && given.kind != to_string(whose.what)) continue;
    switch (whose.what) {
      case line_kind::lock:
        add_lock_line(whose, places, all);
        break;
      case line_kind::latch:
        add_latch_line(whose, places, all);
        break;
      case line_kind::barrier:
        add_barrier_line(whose, places, all);
        break;
    }
  }
  const auto circles = lock::deadlocks(found.all);
  if (given.as_json) {
    json told = json::array();
    for (const auto& d : circles) told.push_back({{"victim", d.victim}, {"circle", lock::explain(d)}});
    std::cout << one_line(json{{"places", all.rows}, {"deadlocks", told}}) << '\n';
    return;
  }
  std::cout << all.text.text();
  for (const auto& d : circles) std::cout << "deadlock: " << lock::explain(d) << '\n';
}

// NAME:FENCE
std::optional<lock::revoke> place_in(const std::string& text) {
  const auto at = text.rfind(':');
  if (at == std::string::npos || at == 0) return std::nullopt;
  char* rest = nullptr;
  const auto fence = std::strtoull(text.c_str() + at + 1, &rest, 10);
  if (fence == 0 || *rest != '\0') return std::nullopt;
  return lock::revoke{text.substr(0, at), fence};
}

exit_code list(const options& given) {
  auto revoked = place_in(given.revoke);
  if (!given.revoke.empty() && !revoked)
    return fail(exit_code::usage, "--revoke: NAME:FENCE, as `troupe locks` shows them, not '" + given.revoke + "'");
  if (revoked && given.kind == to_string(line_kind::barrier)) revoked->name = lock::line_of({line_kind::barrier, revoked->name});
  if (revoked && (given.kind == to_string(line_kind::latch) || lock::whose_line(revoked->name).what == line_kind::latch))
    return fail(exit_code::usage, "--revoke: a latch is of nobody's; `troupe latch reset NAME` takes it away");
  auto with = lock_store::open(given.store, given.to);
  if (!with) return fail(with.error());
  caf::scoped_actor self{(*with)->system()};
  const auto locks = lock::spawn_locks((*with)->system(), (*with)->actor(), {.owner = owner_or_own({})});
  std::optional<problem> failed;
  const auto no = [&](const caf::error& why) { failed = problem{exit_code::not_done, sentence_of(why)}; };
  if (!revoked)
    self->request(locks, milliseconds{10'000}, lock::survey{}).receive([&](const lock::surveyed& all) { show(all, given); }, no);
  else
    self->request(locks, milliseconds{10'000}, *revoked)
        .receive(
            [&](const lock::returned& r) {
              if (!r.held) failed = problem{exit_code::not_done, "nobody stands there under that fence"};
            },
            no);
  self->send(locks, lock::retire{});
  return failed ? fail(*failed) : exit_code::done;
}
}  // namespace

void add_locks(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "locks", "Show who holds which lock, and who waits; latches and barriers too", &list, verb);
  verb->add_option("--kind", given->kind, "only those: lock, latch or barrier")->check(CLI::IsMember({"lock", "latch", "barrier"}))->type_name("KIND");
  verb->add_option("--revoke", given->revoke, "NAME:FENCE: takes that place of a lock away, or with --kind barrier of a barrier; who stood there is told");
  verb->add_flag("--json", given->as_json, "as JSON");
  add_store(*verb, given->store);
  add_target(*verb, given->to);
}
}  // namespace troupe::program
