// Part of world.hpp: how its members take steps, and what becomes of their output.
#pragma once
#include "patterns/simulation/world.hpp"

#include <algorithm>
namespace troupe::simulation {
template <hosts Host>
member world<Host>::add(maker make, bool running, std::string name) {
  const member m = size();
  nodes_.push_back(std::make_unique<node>(generator{derived(seed_, 0x100000000U + m)}));
  nodes_[m]->name = name.empty() ? name_of(m) : std::move(name);
  nodes_[m]->make = std::move(make);
  if (running) boot(m);
  return m;
}

template <hosts Host>
void world<Host>::start(member m) {
  nodes_[m]->left = false;
  nodes_[m]->down.clear();
  if (!nodes_[m]->host) boot(m);
}

template <hosts Host>
void world<Host>::boot(member m, bool rebuilt) {
  node& n = *nodes_[m];
  ++n.lives;
  n.runs_since = now_;
  n.tick_pending = n.syncing = false;
  ++n.tick_ticket, ++n.sync_ticket;
  n.host.emplace(n.make({m, n.lives, derived(derived(seed_, 0x200000000U + m), n.lives),
                         n.clock.local(now_), n.store, rebuilt}));
  note(m, "started");
  schedule(m);
}

template <hosts Host>
void world<Host>::run_to(instant end) {
  while (!queue_.empty() && queue_.top().at <= end && !broken()) {
    const happening h = queue_.pop();
    if (h.at == stuck_at_) {
      if (++stuck_ == 10 * million) complain("time passes", "ten million steps at one instant");
    } else {
      stuck_at_ = h.at;
      stuck_ = 0;
    }
    now_ = h.at;
    happen(h);
  }
  if (!broken()) now_ = end;
}

template <hosts Host>
void world<Host>::happen(const happening& h) {
  if (h.kind == begins) return begin(h.payload);
  if (h.kind == ends) return end(h.payload);
  if (h.kind == calls) return std::exchange(calls_[h.payload], {})(*this);
  node& n = *nodes_[h.whom];
  if (h.kind == restarts) {
    if (!n.host && n.lives == h.ticket && n.down.empty()) boot(h.whom, true);
    return;
  }
  if (!n.frozen.empty() && n.host) return n.waiting.push_back(h);
  occur(h, n);
}

template <hosts Host>
void world<Host>::occur(const happening& h, node& n) {
  const member m = h.whom;
  switch (h.kind) {
    case arrives: {
      flight f = flights_.take(h.payload);
      if (!n.host || !network_.passes(f.from, m)) return;
      trace_.mix(f.from);
      return step(m, [&](Host& host, instant now, output& out) {
        host.receive(f.from, std::move(f.what), now, out);
      });
    }
    case ticks:
      if (!n.host || h.ticket != n.tick_ticket) return;
      n.tick_pending = false;
      if (n.host->due() > n.clock.local(now_)) return schedule(m);  // it was put off
      return step(m, [&](Host& host, instant now, output& out) { host.tick(now, out); });
    case syncs:
      if (n.host && h.ticket == n.sync_ticket) synced(m, h.payload);
      return;
    case told: {
      const death of = deaths_.take(h.payload);
      if (!n.host || n.lives != h.ticket) return;
      if constexpr (requires(Host & x, output & o) { x.lost(m, 1U, now_, o); }) {
        return step(m, [&](Host& host, instant now, output& out) {
          host.lost(of.whose, of.life, now, out);
        });
      }
      return;
    }
    case commanded: {
      const command c = commands_.take(h.payload);
      if (!n.host) return;
      return step(m,
                  [&](Host& host, instant now, output& out) { host.command_given(c, now, out); });
    }
    default:
      return;
  }
}

template <hosts Host>
template <class F>
void world<Host>::step(member m, F&& take) {
  node& n = *nodes_[m];
  out_.clear();
  take(*n.host, n.clock.local(now_), out_);
  ++steps_;
  trace_.mix(static_cast<std::uint64_t>(now_.count()));
  trace_.mix(m + (out_.send.size() << 32) + (out_.events.size() << 48));
  carry_out(m);
  if (!n.host) return;
  for (const auto& [claim, holds] : always_) {
    if (auto wrong = holds(*this, m); !wrong.empty()) {
      return complain(claim, n.name + ": " + std::move(wrong));
    }
  }
  schedule(m);
}

// In order: what may leave at once, what must be on disk, what waits for it.
template <hosts Host>
void world<Host>::carry_out(member m) {
  node& n = *nodes_[m];
  if (!out_.send_now.empty()) transmit(m, out_.send_now);
  for (auto& r : out_.persist) {
    trace_.mix(digest_of(r));
    n.store.append(std::move(r));
  }
  const bool stop = out_.stop;
  const auto again = out_.again;
  const bool wrote = !out_.persist.empty();
  if (wrote && n.armed && n.armed->first == fault_kind::crash_unsynced) {
    n.down.push_back(n.armed->second);
    return crash(m);
  }
  const bool waits = n.store.durable() < n.store.size() || !n.held.empty();
  if (!waits) {
    publish(m, out_.events);
    transmit(m, out_.send);
  } else if (!out_.send.empty() || !out_.events.empty()) {
    n.held.push_back({n.store.size(), std::move(out_.send), std::move(out_.events)});
    out_.clear();
  }
  if (wrote && !n.syncing) start_sync(m);
  if (stop) stopped(m, again);
}

template <hosts Host>
void world<Host>::start_sync(member m) {
  node& n = *nodes_[m];
  n.syncing = true;
  const auto takes = n.slow + n.chance.between(usual_.sync_min, usual_.sync_max);
  queue_.push(now_ + takes, syncs, m, static_cast<std::uint32_t>(n.store.size()), n.sync_ticket);
}

template <hosts Host>
void world<Host>::synced(member m, std::uint64_t upto) {
  node& n = *nodes_[m];
  n.store.sync(upto);
  n.syncing = false;
  if (n.armed && n.armed->first == fault_kind::crash_unsent) {
    n.down.push_back(n.armed->second);
    return crash(m);
  }
  release(m);
  if (n.store.durable() < n.store.size()) start_sync(m);
  if constexpr (requires(Host & x, output & o) { x.persisted(upto, now_, o); }) {
    step(m, [&](Host& host, instant now, output& out) { host.persisted(upto, now, out); });
  }
}

template <hosts Host>
void world<Host>::release(member m) {
  node& n = *nodes_[m];
  while (!n.held.empty() && n.held.front().upto <= n.store.durable()) {
    batch b = std::move(n.held.front());
    n.held.pop_front();
    publish(m, b.events);
    transmit(m, b.send);
  }
}

template <hosts Host>
void world<Host>::transmit(member m, std::vector<letter<message>>& send) {
  node& n = *nodes_[m];
  n.sent += send.size();
  for (auto& l : send) {
    if (l.to >= size()) continue;
    const auto fate = network_.of(m, l.to, n.chance);
    if (fate.copies == 0) continue;
    if (fate.copies > 1) {
      queue_.push(now_ + fate.after[1], arrives, l.to, flights_.put({m, l.what}));
    }
    queue_.push(now_ + fate.after[0], arrives, l.to, flights_.put({m, std::move(l.what)}));
  }
}

template <hosts Host>
void world<Host>::publish(member m, std::vector<event>& all) {
  for (auto& e : all) {
    if (trace_.kept()) {
      std::string fields;
      if constexpr (requires { Host::describe(e, fields); }) {
        Host::describe(e, fields);
      } else {
        append_field(fields, "event", text_of(e));
      }
      trace_.line(now_, nodes_[m]->name, fields);
    }
    events_.push_back({now_, m, std::move(e)});
  }
}

// It ended by itself: what it had sent is on its way, its disk was closed in order.
template <hosts Host>
void world<Host>::stopped(member m, std::optional<duration> again) {
  node& n = *nodes_[m];
  n.store.sync(n.store.size());
  release(m);
  crash(m);
  n.left = !again;
  if (again) queue_.push(now_ + *again, restarts, m, 0, n.lives);
}

// One tick is on its way for each member; one that is put off finds out when it fires.
template <hosts Host>
void world<Host>::schedule(member m) {
  node& n = *nodes_[m];
  const instant due = n.host->due();
  if (n.tick_pending && due >= n.tick_for) return;
  ++n.tick_ticket;
  n.tick_pending = due != instant::max();
  if (!n.tick_pending) return;
  n.tick_for = due;
  const instant at = std::max(now_, n.clock.world(due));
  queue_.push(at + n.chance.between({}, usual_.lateness_max), ticks, m, 0, n.tick_ticket);
}
}  // namespace troupe::simulation
