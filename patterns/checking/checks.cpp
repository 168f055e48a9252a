#include "patterns/checking/checks.hpp"

#include "patterns/checking/delivery.hpp"
#include "patterns/checking/exclusion.hpp"
#include "patterns/checking/linearizability.hpp"
#include "patterns/checking/models.hpp"
#include "patterns/checking/sequential.hpp"
#include "patterns/checking/session.hpp"
#include "patterns/checking/views.hpp"

namespace troupe::checking {
namespace {
template <model M>
check linearizable(std::string_view name, std::string_view help) {
  return {name, help, [](const operation& op) { return refusal_of(M{}, op); },
          [](const operations& ops, const limits& within) {
            return check_linearizability(M{}, ops, within);
          }};
}
template <model M>
check sequential(std::string_view name, std::string_view help) {
  return {name, help, [](const operation& op) { return refusal_of(M{}, op); },
          [](const operations& ops, const limits& within) {
            return check_sequential(M{}, ops, within);
          }};
}
check session(std::string_view name, std::string_view help, std::vector<guarantee> promised) {
  return {name, help, session_refusal,
          [promised = std::move(promised)](const operations& ops, const limits&) {
            return check_sessions(ops, promised);
          }};
}
check account(delivery promised, std::string_view help) {
  return {
      to_string(promised), help, delivery_refusal,
      [promised](const operations& ops, const limits&) { return check_delivery(ops, promised); }};
}
check guarded(std::string_view name, std::string_view help, exclusion promised) {
  return {
      name,
      help,
      exclusion_refusal,
      [promised](const operations& ops, const limits&) { return check_exclusion(ops, promised); },
      {"entered", "left"}};
}

std::vector<check> declared() {
  using g = guarantee;
  return {
      linearizable<register_>("register", "linearizable: read, write"),
      linearizable<cas>("cas", "linearizable: read, write, cas [old, new]"),
      linearizable<queue>("queue", "linearizable, first in first out: enqueue, dequeue"),
      linearizable<lock>("lock", "linearizable: acquire -> token, release token"),
      linearizable<log>("log", "linearizable: append value -> [offset, value], read"),
      linearizable<kv>("kv", "linearizable: get, put, append, delete, cas [old, new]"),
      sequential<register_>("sequential-register", "sequentially consistent: read, write"),
      sequential<cas>("sequential-cas", "sequentially consistent: read, write, cas [old, new]"),
      sequential<queue>("sequential-queue", "sequentially consistent: enqueue, dequeue"),
      sequential<kv>("sequential-kv", "sequentially consistent: get, put, append, delete, cas"),
      session("session", "all four session guarantees: read, write of values written once",
              {std::begin(all_guarantees), std::end(all_guarantees)}),
      session("read-your-writes", "who wrote sees it or later, its own writes being in order",
              {g::read_your_writes, g::monotonic_writes}),
      session("monotonic-reads", "who has read sees that or later", {g::monotonic_reads}),
      session("monotonic-writes", "writes of one process are seen in order, by monotonic reads",
              {g::monotonic_writes, g::monotonic_reads}),
      session("writes-follow-reads", "a write comes after what its process had read",
              {g::writes_follow_reads, g::monotonic_reads}),
      account(delivery::exactly_once, "each message once: send id, deliver -> id"),
      account(delivery::at_least_once, "none is lost: send id, deliver -> id"),
      account(delivery::at_most_once, "none comes twice: send id, deliver -> id"),
      guarded("mutex",
              "one holder at once, fenced: acquire -> token, release, access token; event logs",
              {}),
      guarded("fencing", "tokens rise and the resource obeys them, whoever believes to hold",
              {.holders = false}),
      guarded("kept-mutex", "mutex, where who held last may hold again under the same token",
              {.keeps = true}),
      {"leader",
       "at most one leader a term: leader term; event logs",
       leaders_refusal,
       [](const operations& ops, const limits&) { return check_leaders(ops); },
       {"leader"}},
      {"membership",
       "no view of a member goes back, neither state nor incarnation; event logs",
       views_refusal,
       [](const operations& ops, const limits&) { return check_views(ops); },
       {"member_joining", "member_up", "member_leaving", "member_exiting", "member_unreachable",
        "member_reachable", "member_down", "member_removed"}},
  };
}
}  // namespace

const std::vector<check>& all_checks() {
  static const auto all = declared();
  return all;
}

const check* check_named(std::string_view name) {
  for (const auto& c : all_checks())
    if (c.name == name) return &c;
  return nullptr;
}

std::optional<stranger> first_stranger(const check& c, const operations& ops) {
  for (std::size_t i = 0; i < ops.size(); ++i) {
    auto why = c.refusal(ops[i]);
    if (!why.empty()) return stranger{i, std::move(why)};
  }
  return {};
}
}  // namespace troupe::checking
