// Part of world.hpp: how faults begin and end, and how claims are judged.
#pragma once
#include "patterns/simulation/world.hpp"

#include <algorithm>
namespace troupe::simulation {
template <hosts Host>
verdict world<Host>::run(const plan& p) {
  const instant start = now_;
  for (auto f : p.faults) strike(std::move(f));
  run_to(start + p.length);
  // faults of a plan made by hand may outlast it
  instant quiet = now_;
  for (const auto& f : p.faults) quiet = std::max(quiet, start + f.at + f.length);
  run_to(quiet);
  constexpr duration stride = std::chrono::milliseconds{100};
  for (const instant end = quiet + p.calm; now_ < end && !broken();) {
    run_to(std::min(end, now_ + stride));
    for (const auto& w : within_) {
      if (broken() || now_ < quiet + w.limit) continue;
      if (auto wrong = w.holds(*this); !wrong.empty()) complain(w.name, std::move(wrong));
    }
  }
  return judged();
}

template <hosts Host>
verdict world<Host>::judged() const {
  verdict v = verdict_;
  v.digest = trace_.digest();
  v.steps = steps_;
  return v;
}

template <hosts Host>
void world<Host>::always(std::string name, step_claim holds) {
  always_.emplace_back(std::move(name), std::move(holds));
}

template <hosts Host>
void world<Host>::within(std::string name, duration limit, calm_claim holds) {
  within_.push_back({std::move(name), limit, std::move(holds)});
}

template <hosts Host>
void world<Host>::complain(std::string claim, std::string what) {
  if (broken()) return;
  verdict_.claim = std::move(claim);
  verdict_.what = std::move(what);
  verdict_.at = now_;
}

template <hosts Host>
void world<Host>::give(member m, command c, duration after) {
  queue_.push(now_ + after, commanded, m, commands_.put(std::move(c)));
}

template <hosts Host>
void world<Host>::call(duration after, std::function<void(world&)> what) {
  calls_.push_back(std::move(what));
  queue_.push(now_ + after, calls, 0, static_cast<std::uint32_t>(calls_.size() - 1));
}

template <hosts Host>
void world<Host>::strike(fault f) {
  const auto id = static_cast<std::uint32_t>(faults_.size());
  queue_.push(now_ + f.at, begins, 0, id);
  // a crash without length is for good; anything else without length is over at once
  if (f.length > duration{} || !brings_down(f.what))
    queue_.push(now_ + f.at + f.length, ends, 0, id);
  faults_.push_back(std::move(f));
}

template <hosts Host>
template <class F>
void world<Host>::each(const fault& f, F&& what) {
  if (f.who.empty()) {
    for (member m = 0; m < size(); ++m) what(m, *nodes_[m]);
  } else {
    for (const auto m : f.who) {
      if (m < size()) what(m, *nodes_[m]);
    }
  }
}

template <hosts Host>
void world<Host>::begin(std::uint32_t id) {
  const fault f = faults_[id];
  calm_since_ = now_;
  if (f.length > duration{}) ++lasting_;
  if (trace_.kept()) {
    std::string fields;
    append_field(fields, "event", "fault_begins");
    append_field(fields, "fault", timeline(f));
    trace_.line(now_, "", fields);
  }
  if (of_network(f.what)) return network_.begin(id, f, nodes_.size());
  each(f, [&](member m, node& n) {
    switch (f.what) {
      case fault_kind::crash:
      case fault_kind::tear:
      case fault_kind::rot:
        n.down.push_back(id);
        return crash(m, f.what == fault_kind::tear, f.what == fault_kind::rot);
      case fault_kind::crash_unsynced:
      case fault_kind::crash_unsent:
        n.armed.emplace(f.what, id);
        return;
      case fault_kind::freeze:
        if (n.host) n.frozen.push_back(id);
        return;
      case fault_kind::skew:
        n.clock.drift(now_, f.amount);
        break;
      case fault_kind::slow_disk:
        n.slow = duration{f.amount};
        return;
      default:
        return;
    }
    n.tick_pending = false;  // its time has moved
    if (n.host) schedule(m);
  });
}

template <hosts Host>
void world<Host>::end(std::uint32_t id) {
  const fault f = faults_[id];
  calm_since_ = now_;
  if (f.length > duration{}) --lasting_;
  if (trace_.kept()) {
    std::string fields;
    append_field(fields, "event", "fault_ends");
    append_field(fields, "fault", timeline(f));
    trace_.line(now_, "", fields);
  }
  if (of_network(f.what)) return network_.end(id);
  each(f, [&](member m, node& n) {
    if (n.armed && n.armed->second == id) n.armed.reset();
    if (std::erase(n.down, id) > 0 && n.down.empty() && !n.host && !n.left) boot(m);
    if (f.what == fault_kind::freeze) warm(m, id);
    if (f.what == fault_kind::slow_disk) n.slow = {};
    if (f.what == fault_kind::skew) {
      n.clock.drift(now_, 0);
      n.tick_pending = false;
      if (n.host) schedule(m);
    }
  });
}

template <hosts Host>
void world<Host>::crash(member m, bool tear, bool rot) {
  node& n = *nodes_[m];
  calm_since_ = now_;
  if (n.host) {
    note(m, "crashed");
    n.host.reset();
    n.armed.reset();
    n.frozen.clear();
    n.held.clear();
    for (const auto& h : n.waiting) drop(h);
    n.waiting.clear();
    ++n.tick_ticket, ++n.sync_ticket;
    n.store.crash(n.chance, tear);
    for (member other = 0; usual_.notices && other < size(); ++other) {
      if (other == m || !nodes_[other]->host || !network_.passes(m, other)) continue;
      queue_.push(now_ + usual_.notice_after, told, other, deaths_.put({m, n.lives}),
                  nodes_[other]->lives);
    }
  }
  if (rot) n.store.rot(n.chance);
}

template <hosts Host>
void world<Host>::drop(const happening& h) {
  if (h.kind == arrives) flights_.take(h.payload);
  if (h.kind == commanded) commands_.take(h.payload);
  if (h.kind == told) deaths_.take(h.payload);
}

template <hosts Host>
void world<Host>::warm(member m, std::uint32_t by) {
  node& n = *nodes_[m];
  if (std::erase(n.frozen, by) == 0 || !n.frozen.empty()) return;
  calm_since_ = n.runs_since = now_;
  // Its timer may be the first to be heard, or the last.
  auto waiting = std::exchange(n.waiting, {});
  const bool first = n.chance.below(2) == 0;
  const auto tick = [&](const happening& h) { return h.kind == ticks; };
  if (first)
    std::stable_partition(waiting.begin(), waiting.end(), tick);
  else
    std::stable_partition(waiting.begin(), waiting.end(), std::not_fn(tick));
  for (const auto& h : waiting) queue_.push(now_, h.kind, h.whom, h.payload, h.ticket);
}

template <hosts Host>
void world<Host>::cut(member from, member to) {
  ++cuts_;
  network_.begin(by_hand, {.what = fault_kind::cut, .who = {from}, .whom = {to}}, nodes_.size());
}

template <hosts Host>
void world<Host>::partition(const std::vector<member>& side) {
  ++cuts_;
  network_.begin(by_hand, {.what = fault_kind::partition, .who = side}, nodes_.size());
}

template <hosts Host>
void world<Host>::heal() {
  network_.clear();
  cuts_ = 0;
  calm_since_ = now_;
}

template <hosts Host>
std::optional<instant> world<Host>::calm_since() const {
  const auto is_frozen = [](const auto& n) { return !n->frozen.empty(); };
  if (lasting_ > 0 || cuts_ > 0 || std::any_of(nodes_.begin(), nodes_.end(), is_frozen)) return {};
  return calm_since_;
}

template <hosts Host>
void world<Host>::note(member m, std::string_view what) {
  trace_.mix(m + (digest_of(what) << 8));
  if (!trace_.kept()) return;
  std::string fields;
  append_field(fields, "event", what);
  append_field(fields, "life", static_cast<std::int64_t>(nodes_[m]->lives));
  trace_.line(now_, nodes_[m]->name, fields);
}
}  // namespace troupe::simulation
