#include "actors/link/channel.hpp"

#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/metrics.hpp"

#include <algorithm>
#include <utility>

#include <caf/all.hpp>

namespace troupe::channel {
namespace {
using tick_atom = caf::atom_constant<caf::atom("chan_tick")>;
constexpr auto tick_period = std::chrono::milliseconds{100};

void count_failure(reason why) {
  metrics::counter("troupe_channel_failures_total", "Channel sides that failed, by reason.",
                   {{"reason", to_string(why)}})
      .add();
}
metrics::counter_handle& bytes_sent() {
  static auto& handle = metrics::counter("troupe_channel_sent_bytes_total",
                                         "Bytes sent in channels, repetitions included.");
  return handle;
}
metrics::counter_handle& bytes_received() {
  static auto& handle =
      metrics::counter("troupe_channel_received_bytes_total", "Bytes delivered by channels.");
  return handle;
}
}  // namespace

void register_types(caf::actor_system_config& config) {
  config.add_message_type<chunk>("bulk.chunk");
  config.add_message_type<credit>("channel.credit");
  config.add_message_type<closed>("channel.closed");
  config.add_message_type<failed>("channel.failed");
}

id fresh_id(caf::actor_system& system) {
  for (;;) {
    if (const auto made = fresh_seed(system); made != 0) return made;
  }
}

caf::error to_error(const failure& f) {
  const auto code = [&] {
    switch (f.why) {
      case reason::aborted:
        return errc::cancelled;
      case reason::unreachable:
        return errc::unreachable;
      case reason::silent:
        return errc::timeout;
      case reason::corrupted:
        return errc::corrupted;
      case reason::unknown:
        return errc::unknown_outcome;
      case reason::died:
      case reason::violated:
      case reason::restarted:
        break;
    }
    return errc::failed;
  }();
  return make_error(code, "channel " + to_string(f.why) + ": " + f.sentence);
}

source::source(channels& home, id channel, source_events events, settings s)
    : home_{home},
      id_{channel},
      core_{channel, fresh_id(home.self_->system()), s, home.now()},
      events_{std::make_shared<const source_events>(std::move(events))} {}

template <class In>
void source::step(In&& in) {
  if (replaced_) return;
  const channels::busy here{home_};
  const auto events = events_;  // a callback may reset ours while it runs
  const bool was_over = core_.over();
  sender::output out;
  core_.step(std::forward<In>(in), home_.now(), out);
  for (auto& message : out.send) {
    if (const auto* c = std::get_if<chunk>(&message))
      bytes_sent().add(static_cast<double>(c->data.size()));
    std::visit([&](auto& m) { home_.send(peer_, std::move(m)); }, message);
  }
  if (!was_over && core_.over()) {
    home_.finished_sources_.push_back(id_);
    if (out.broken) count_failure(out.broken->why);
    if (events_ && events->progress && out.done) events->progress(core_.acknowledged());
    if (std::exchange(events_, nullptr) && events->over)
      events->over(out.broken ? to_error(*out.broken) : caf::error{});
    return;
  }
  if (events_ && events->progress && told_ != core_.acknowledged())
    events->progress(told_ = core_.acknowledged());
  if (!accepts()) {
    full_ = true;
  } else if (std::exchange(full_, false) && events_ && events->space) {
    events->space();
  }
}

bool source::write(std::string data) {
  if (replaced_ || core_.closing()) return false;
  step(channel::write{std::move(data)});
  return true;
}
void source::finish() { step(channel::finish{}); }
void source::abort(std::string sentence) { step(channel::abort{std::move(sentence)}); }
void source::attach(const caf::actor& sink) { meet(caf::actor_cast<caf::strong_actor_ptr>(sink)); }

void source::meet(const caf::strong_actor_ptr& who) {
  if (!who || who == peer_) return;
  part(false);
  if (replaced_) return;
  peer_ = who;
  home_.watch(who);
  step(attached{});
}

void source::part(bool for_good) {
  if (!peer_) return;
  home_.drop(peer_);
  peer_ = nullptr;
  for_good ? step(peer_died{}) : step(detached{});
}

void source::replace() {
  events_ = nullptr;
  part(false);
  replaced_ = true;
}

sink::sink(channels& home, id channel, sink_events events, settings s)
    : home_{home},
      id_{channel},
      core_{channel, fresh_id(home.self_->system()), s, home.now()},
      events_{std::make_shared<const sink_events>(std::move(events))} {}

template <class In>
void sink::step(In&& in) {
  if (replaced_) return;
  const channels::busy here{home_};
  const auto events = events_;  // a callback may reset ours while it runs
  const bool was_over = core_.over();
  receiver::output out;
  core_.step(std::forward<In>(in), home_.now(), out);
  for (auto& message : out.send)
    std::visit([&](auto& m) { home_.send(peer_, std::move(m)); }, message);
  for (auto& data : out.delivered) {
    bytes_received().add(static_cast<double>(data.size()));
    if (events_ && events->data) events->data(std::move(data));
  }
  if (!was_over && (out.broken || out.ended)) {
    if (out.broken) count_failure(out.broken->why);
    if (std::exchange(events_, nullptr) && events->over)
      events->over(out.broken ? to_error(*out.broken) : caf::error{});
  }
  // one that has ended stays to answer a sender that has not heard of it
  if (out.released || out.broken) home_.finished_sinks_.push_back(id_);
}

void sink::consumed(std::size_t bytes) { step(channel::consumed{bytes}); }
void sink::abort(std::string sentence) { step(channel::abort{std::move(sentence)}); }
void sink::attach(const caf::actor& source) {
  meet(caf::actor_cast<caf::strong_actor_ptr>(source));
}

void sink::meet(const caf::strong_actor_ptr& who) {
  if (!who || who == peer_) return;
  part(false);
  if (replaced_) return;
  peer_ = who;
  home_.watch(who);
  step(attached{});
}

void sink::part(bool for_good) {
  if (!peer_) return;
  home_.drop(peer_);
  peer_ = nullptr;
  for_good ? step(peer_died{}) : step(detached{});
}

void sink::replace() {
  events_ = nullptr;
  part(false);
  replaced_ = true;
}

channels::channels(caf::event_based_actor* self) : self_{self} {}

instant channels::now() const {
  return std::chrono::duration_cast<instant>(self_->clock().now().time_since_epoch());
}

source& channels::open_source(id channel, const caf::actor& sink, source_events events,
                              settings s) {
  std::unique_ptr<source> fresh{new source{*this, channel, std::move(events), s}};
  auto& made = *fresh;
  if (auto old = std::exchange(sources_[channel], std::move(fresh))) {
    old->replace();
    replaced_sources_.push_back(std::move(old));
  }
  made.attach(sink);
  arm();
  return made;
}

sink& channels::open_sink(id channel, sink_events events, settings s) {
  std::unique_ptr<sink> fresh{new sink{*this, channel, std::move(events), s}};
  auto& made = *fresh;
  if (auto old = std::exchange(sinks_[channel], std::move(fresh))) {
    old->replace();
    replaced_sinks_.push_back(std::move(old));
  }
  arm();
  return made;
}

source* channels::find_source(id channel) {
  const auto found = sources_.find(channel);
  return found != sources_.end() && !found->second->core_.over() ? found->second.get() : nullptr;
}
sink* channels::find_sink(id channel) {
  const auto found = sinks_.find(channel);
  return found != sinks_.end() && !found->second->core_.over() ? found->second.get() : nullptr;
}

caf::message_handler channels::handlers() {
  return {
      [this](chunk& in) {
        receive([&](const caf::strong_actor_ptr& from) {
          const auto found = sinks_.find(in.channel);
          if (found == sinks_.end()) return send(from, refuse(in.channel));
          auto& one = *found->second;  // which a callback of its own may replace
          one.meet(from);
          one.step(std::move(in));
        });
      },
      [this](const credit& in) {
        receive([&](const caf::strong_actor_ptr& from) {
          const auto found = sources_.find(in.channel);
          if (found == sources_.end()) return send(from, refuse(in.channel));
          auto& one = *found->second;
          one.meet(from);
          one.step(in);
        });
      },
      [this](const closed& in) {
        receive([&](const caf::strong_actor_ptr&) {
          if (const auto found = sinks_.find(in.channel); found != sinks_.end())
            found->second->step(in);
        });
      },
      [this](const failed& in) {
        receive([&](const caf::strong_actor_ptr& from) {
          // both ends of a channel may be in this actor: the sender's failure is for the receiver
          const auto source = sources_.find(in.channel);
          const auto sink = sinks_.find(in.channel);
          const bool both = source != sources_.end() && sink != sinks_.end();
          const bool to_source =
              source != sources_.end() && (!both || source->second->peer_ == from);
          const bool to_sink = sink != sinks_.end() && (!both || sink->second->peer_ == from);
          if (to_source) source->second->step(in);
          if (to_sink) sink->second->step(in);
        });
      },
      [this](tick_atom) { tick(); },
  };
}

template <class F>
void channels::receive(F take) {
  {
    const busy here{*this};
    take(self_->current_sender());
  }
  sweep();
}

bool channels::down(const caf::down_msg& what) {
  const auto known = std::find_if(watched_.begin(), watched_.end(), [&](const auto& one) {
    return caf::actor_cast<caf::actor_addr>(one.first) == what.source;
  });
  if (known == watched_.end()) return false;
  const auto who = known->first;
  const bool for_good = what.reason != caf::exit_reason::remote_link_unreachable;
  {
    const busy here{*this};
    for (auto& [channel, one] : sources_) {
      if (one->peer_ == who) one->part(for_good);
    }
    for (auto& [channel, one] : sinks_) {
      if (one->peer_ == who) one->part(for_good);
    }
  }
  sweep();
  return true;
}

void channels::close(const std::string& why) {
  {
    const busy here{*this};
    for (auto& [channel, one] : sources_) {
      one->events_ = nullptr;
      one->abort(why);
      finished_sources_.push_back(channel);
    }
    for (auto& [channel, one] : sinks_) {
      one->events_ = nullptr;
      one->abort(why);
      finished_sinks_.push_back(channel);
    }
  }
  sweep();
}

void channels::tick() {
  armed_ = false;
  {
    const busy here{*this};
    for (auto& [channel, one] : sources_) one->step(channel::tick{});
    for (auto& [channel, one] : sinks_) one->step(channel::tick{});
  }
  sweep();
  arm();
}

void channels::arm() {
  if (armed_ || size() == 0) return;
  armed_ = true;
  self_->delayed_send(self_, tick_period, tick_atom::value);
}

void channels::watch(const caf::strong_actor_ptr& who) {
  if (watched_[who]++ == 0) self_->monitor(who);
}

void channels::drop(const caf::strong_actor_ptr& who) {
  const auto found = watched_.find(who);
  if (found == watched_.end() || --found->second > 0) return;
  watched_.erase(found);
  self_->demonitor(caf::actor_cast<caf::actor_addr>(who));
}

void channels::sweep() {
  if (depth_ > 0) return;
  // destroyed at the end, since what callbacks have captured may end with them
  auto gone_sources = std::exchange(replaced_sources_, {});
  auto gone_sinks = std::exchange(replaced_sinks_, {});
  const bool forgets = !finished_sources_.empty() || !finished_sinks_.empty();
  for (const auto channel : std::exchange(finished_sources_, {})) {
    const auto found = sources_.find(channel);
    if (found == sources_.end() || !found->second->core_.over()) continue;
    if (found->second->peer_) drop(found->second->peer_);
    gone_sources.push_back(std::move(found->second));
    sources_.erase(found);
  }
  for (const auto channel : std::exchange(finished_sinks_, {})) {
    const auto found = sinks_.find(channel);
    if (found == sinks_.end() || !found->second->core_.over()) continue;
    if (found->second->peer_) drop(found->second->peer_);
    gone_sinks.push_back(std::move(found->second));
    sinks_.erase(found);
  }
  if (const auto empty = empty_; forgets && size() == 0 && empty) empty();
}

template <class Message>
void channels::send(const caf::strong_actor_ptr& to, Message&& what) {
  if (to) self_->send(caf::actor_cast<caf::actor>(to), std::forward<Message>(what));
}
}  // namespace troupe::channel
