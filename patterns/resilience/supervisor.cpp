#include "patterns/resilience/supervisor.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace troupe::supervisor {
namespace {
bool usable(const child_spec& c, auto_shutdown when) {
  const bool never_counts = c.kind == restart::permanent || when == auto_shutdown::never;
  return !c.id.empty() && !(c.significant && never_counts);
}

bool gone(const child& c) { return c.at == phase::idle || c.at == phase::waiting; }

std::uint64_t ticket_of(const command& c) {
  return std::visit([](const auto& which) { return which.ticket; }, c);
}
}  // namespace

std::optional<refusal> check(const settings& how, const std::vector<child_spec>& children) {
  for (auto at = children.begin(); at != children.end(); ++at) {
    if (!usable(*at, how.when)) return refusal::invalid;
    const auto same = [&](const child_spec& other) { return other.id == at->id; };
    if (std::any_of(children.begin(), at, same)) return refusal::already_exists;
  }
  return std::nullopt;
}

core::core(settings how, const std::vector<child_spec>& children, std::uint64_t seed)
    : settings_(how), chance_(seed) {
  assert(!check(how, children));
  for (const auto& spec : children) children_.push_back({.spec = spec});
}

void core::step(const input& in, instant now, output& out) {
  if (ended_) return;
  std::visit([&](const auto& what) { on(what, now, out); }, in);
  advance(now, out);
  out.wake = next_wake();
}

void core::on(const start&, instant, output&) {
  if (begun_) return;
  begun_ = true;
  why_ = purpose::first_start;
  for (const auto& c : children_) to_start_.push_back(c.spec.id);
}

void core::on(const started& in, instant now, output&) {
  auto* const c = find(in.id);
  if (!c || c->run != in.run || c->at != phase::starting) return;
  c->at = phase::running;
  c->since = now;
}

void core::on(const start_failed& in, instant now, output& out) {
  auto* const c = find(in.id);
  if (!c || c->run != in.run || c->at != phase::starting) return;
  c->at = phase::idle;
  c->since = now;  // or one that has never run would count as recovered
  switch (why_) {
    case purpose::first_start:
      return finish(end::start_failed, out);
    case purpose::command: {
      to_start_.clear();
      out.replies.push_back({ticket_, refusal::start_failed});
      why_ = purpose::nothing;
      if (adding_) forget(in.id);
      return;
    }
    case purpose::restart:
      // OTP: tried again, and counted. Of a group the rest waits for the next try, which covers it.
      c->failed = true;
      if (settings_.how == strategy::one_for_one)
        to_start_.pop_front();
      else
        to_start_.clear();
      tasks_.push_back(failure{in.id, in.run, ending::abnormal, true});
      return;
    case purpose::ending:
    case purpose::nothing:
      return;
  }
}

void core::on(const exited& in, instant now, output& out) {
  auto* const c = find(in.id);
  if (!c || c->run != in.run || gone(*c)) return;
  if (c->at == phase::starting) return on(start_failed{in.id, in.run}, now, out);
  const bool by_itself = c->at == phase::running;
  c->at = phase::idle;
  if (!by_itself) return;
  c->failed = true;
  tasks_.push_back(failure{in.id, in.run, in.how, false});
}

void core::on(const tick&, instant, output&) {}

void core::on(const shut_down&, instant, output& out) { finish(end::shut_down, out); }

void core::on(const command& in, instant, output& out) {
  if (finish_)
    out.replies.push_back({ticket_of(in), refusal::stopping});
  else
    tasks_.push_back(in);
}

void core::advance(instant now, output& out) {
  while (!ended_) {
    if (!to_stop_.empty()) {
      if (!advance_stops(now, out)) return;
    } else if (finish_) {
      ended_ = true;
      out.ended = finish_;
    } else if (!to_start_.empty()) {
      if (!advance_starts(now, out)) return;
    } else if (why_ != purpose::nothing) {
      complete(out);
    } else if (!begun_) {
      return;
    } else if (!tasks_.empty()) {
      const auto next = std::move(tasks_.front());
      tasks_.pop_front();
      std::visit([&](const auto& what) { begin(what, now, out); }, next);
    } else if (!begin_due(now)) {
      return;
    }
  }
}

bool core::advance_stops(instant now, output& out) {
  auto* const c = find(to_stop_.front());
  if (c && c->at == phase::starting) return false;
  if (c && c->at == phase::running) {
    const bool at_once = c->spec.shutdown == nanoseconds{0};
    c->at = at_once ? phase::killing : phase::stopping;
    c->patient = at_once || c->spec.shutdown.has_value();
    c->due = now + (at_once ? settings_.kill_limit : c->spec.shutdown.value_or(nanoseconds{0}));
    out.act.push_back({at_once ? verb::kill : verb::ask_to_stop, c->spec.id, c->run});
    return false;
  }
  if (c && c->at == phase::stopping) {
    if (!c->patient || now < c->due) return false;
    c->at = phase::killing;
    c->due = now + settings_.kill_limit;
    out.act.push_back({verb::kill, c->spec.id, c->run});
    return false;
  }
  if (c && c->at == phase::killing) {
    if (now < c->due) return false;
    out.events.push_back({note::abandoned, c->spec.id, {}});
  }
  const auto id = std::move(to_stop_.front());
  to_stop_.pop_front();
  if (!c) return true;
  c->at = phase::idle;
  c->failed = false;
  if (c->spec.kind == restart::temporary && why_ != purpose::ending) forget(id);
  return true;
}

bool core::advance_starts(instant now, output& out) {
  if (start_at_ > now) {  // a delayed restart holds up nobody else meanwhile
    for (const auto& id : to_start_)
      if (auto* const c = find(id)) {
        c->at = phase::waiting;
        c->due = start_at_;
      }
    to_start_.clear();
    return true;
  }
  auto* const c = find(to_start_.front());
  if (!c || c->at == phase::running) {
    to_start_.pop_front();
    return true;
  }
  if (!gone(*c)) return false;
  c->at = phase::starting;
  c->failed = false;
  c->run = ++runs_;
  out.act.push_back({verb::launch, c->spec.id, c->run});
  return false;
}

void core::complete(output& out) {
  if (why_ == purpose::command) out.replies.push_back({ticket_, std::nullopt});
  why_ = purpose::nothing;
  start_at_ = {};
}

bool core::begin_due(instant now) {
  for (const auto& c : children_)
    if (c.at == phase::waiting && c.due <= now) to_start_.push_back(c.spec.id);
  if (to_start_.empty()) return false;
  why_ = purpose::restart;
  return true;
}

void core::begin(const failure& f, instant now, output& out) {
  auto* const c = find(f.id);
  // a command or another child's restart has come first
  if (!c || c->run != f.run || !c->failed) return;
  c->failed = false;
  const bool again = f.at_start || c->spec.kind == restart::permanent ||
                     (c->spec.kind == restart::transient && f.how == ending::abnormal);
  if (again) return restart_after(*c, now, out);
  const auto copy = *c;
  if (copy.spec.kind == restart::temporary) forget(f.id);
  ended_for_good(copy, out);
}

void core::restart_after(child& c, instant now, output& out) {
  if (too_many(now)) {
    out.events.push_back({note::gave_up, c.spec.id, {}});
    return finish(end::escalated, out);
  }
  const auto delay = delay_of(c, now);
  out.events.push_back({note::restarting, c.spec.id, delay});
  why_ = purpose::restart;
  start_at_ = now + delay;
  bool affected = settings_.how == strategy::one_for_all;
  for (auto& other : children_) {
    affected = affected || other.spec.id == c.spec.id;
    if (!affected) continue;
    if (other.at == phase::waiting) start_at_ = std::max(start_at_, other.due);
    if (settings_.how == strategy::one_for_one) {
      ++other.restarts;
      to_start_.push_back(other.spec.id);
      return;
    }
    // who is temporary is forgotten once stopped; who has ended by itself meanwhile is covered by this restart
    if (other.spec.id != c.spec.id) to_stop_.push_front(other.spec.id);
    ++other.restarts;
    to_start_.push_back(other.spec.id);
  }
}

void core::begin(const command& c, instant, output& out) {
  ticket_ = ticket_of(c);
  adding_ = std::holds_alternative<add_child>(c);
  std::visit([&](const auto& which) { begin_command(which, out); }, c);
}

void core::begin_command(const add_child& in, output& out) {
  if (!usable(in.child, settings_.when)) return out.replies.push_back({ticket_, refusal::invalid});
  if (find(in.child.id)) return out.replies.push_back({ticket_, refusal::already_exists});
  children_.push_back({.spec = in.child});
  why_ = purpose::command;
  to_start_.push_back(in.child.id);
}

void core::begin_command(const stop_child& in, output& out) {
  if (!find(in.id)) return out.replies.push_back({ticket_, refusal::not_found});
  why_ = purpose::command;
  to_stop_.push_back(in.id);
}

void core::begin_command(const restart_child& in, output& out) {
  const auto* const c = find(in.id);
  if (!c) return out.replies.push_back({ticket_, refusal::not_found});
  if (c->at == phase::running) return out.replies.push_back({ticket_, refusal::running});
  if (c->at == phase::waiting || c->failed)
    return out.replies.push_back({ticket_, refusal::restarting});
  why_ = purpose::command;
  to_start_.push_back(in.id);
}

void core::begin_command(const delete_child& in, output& out) {
  const auto* const c = find(in.id);
  if (!c) return out.replies.push_back({ticket_, refusal::not_found});
  if (c->at == phase::running) return out.replies.push_back({ticket_, refusal::running});
  if (c->at == phase::waiting || c->failed)
    return out.replies.push_back({ticket_, refusal::restarting});
  forget(in.id);
  out.replies.push_back({ticket_, std::nullopt});
}

void core::finish(end why, output& out) {
  if (finish_) return;
  if (why_ == purpose::command) out.replies.push_back({ticket_, refusal::stopping});
  for (const auto& t : tasks_)
    if (const auto* const c = std::get_if<command>(&t))
      out.replies.push_back({ticket_of(*c), refusal::stopping});
  tasks_.clear();
  to_start_.clear();
  to_stop_.clear();
  for (const auto& c : children_) to_stop_.push_front(c.spec.id);
  why_ = purpose::ending;
  finish_ = why;
}

void core::ended_for_good(const child& ended, output& out) {
  if (!ended.spec.significant) return;
  const auto still_there = [&](const child& c) {
    return c.spec.significant && c.spec.id != ended.spec.id && (c.at != phase::idle || c.failed);
  };
  const bool last = std::none_of(children_.begin(), children_.end(), still_there);
  const bool enough = settings_.when == auto_shutdown::any_significant ||
                      (settings_.when == auto_shutdown::all_significant && last);
  if (enough) finish(end::auto_shut_down, out);
}

child* core::find(std::string_view id) {
  const auto found = std::find_if(children_.begin(), children_.end(),
                                  [&](const child& c) { return c.spec.id == id; });
  return found == children_.end() ? nullptr : &*found;
}

void core::forget(std::string_view id) {
  children_.erase(std::remove_if(children_.begin(), children_.end(),
                                 [&](const child& c) { return c.spec.id == id; }),
                  children_.end());
}

nanoseconds core::delay_of(child& c, instant now) {
  const auto& b = settings_.delay;
  if (c.failures > 0 && now - c.since >= b.reset_after) c.failures = 0;
  ++c.failures;
  if (b.least <= nanoseconds{0}) return {};
  const auto most = static_cast<double>(std::max(b.most, b.least).count());
  const auto grown = static_cast<double>(b.least.count()) * std::pow(b.factor, c.failures - 1);
  const auto full = std::min(most, grown);
  const auto part = static_cast<double>(chance_() >> 11) * 0x1.0p-53;  // [0, 1)
  return nanoseconds{static_cast<std::int64_t>(full * (1 - std::clamp(b.jitter, 0.0, 1.0) * part))};
}

// OTP's rule: a restart is too many when with it there are more than `intensity` within `period`.
bool core::too_many(instant now) {
  restarts_.push_back(now);
  while (now - restarts_.front() > settings_.period) restarts_.pop_front();
  return restarts_.size() > settings_.intensity;
}

std::optional<instant> core::next_wake() const {
  std::optional<instant> wake;
  const auto sooner = [&](instant at) { wake = wake ? std::min(*wake, at) : at; };
  for (const auto& c : children_) {
    const bool patience_ends = c.at == phase::killing || (c.at == phase::stopping && c.patient);
    if (c.at == phase::waiting || patience_ends) sooner(c.due);
  }
  return ended_ ? std::nullopt : wake;
}
}  // namespace troupe::supervisor
