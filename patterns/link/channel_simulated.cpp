#include "patterns/link/channel_simulated.hpp"

#include "patterns/link/simulated_protocols.hpp"

#include <algorithm>
namespace troupe::channel {
using namespace std::chrono_literals;
namespace {
constexpr simulation::duration alive_every = 200ms, away_after = 1s, pause = 500ms, step = 20ms,
                               tick_every = 100ms, settled = 15s, all_over = 60s;
constexpr instant core_time(time now) { return std::chrono::duration_cast<instant>(now); }
}  // namespace

channel_host::channel_host(const simulation::life& of, std::shared_ptr<channel_scene> all,
                           std::uint32_t members)
    : life_{of.number},
      chance_{of.seed},
      scene_{std::move(all)},
      next_one_{.who = (of.self + 1) % members},
      previous_{.who = (of.self + members - 1) % members},
      starts_{(std::uint64_t{of.self} << 48) | (std::uint64_t{of.number} << 24)},
      begin_at_{of.now},
      next_{of.now} {
  // who dies takes its copies along
  for (auto& [channel, t] : scene_->transfers)
    for (auto& [start, c] : t.copies)
      if (start >> 48 == of.self && start < starts_) c.gone = true;
  const auto own = scene_->current.find(of.self);
  if (own != scene_->current.end() && scene_->deaths_told) {
    scene_->transfers.at(own->second).over = true;
    scene_->current.erase(own);
  }
}

bool channel_host::calm(const transfer& t) const {
  return t.since >= scene_->faults_until + settled;
}

// ---- the sender

void channel_host::begin(time now, output& out) {
  const member self = static_cast<member>(starts_ >> 48);
  const bool anew = !scene_->current.contains(self);
  if (anew && now >= scene_->until) return;
  if (anew) scene_->current[self] = ++scene_->transfers_begun;
  channel_ = scene_->current.at(self);
  start_ = ++starts_;
  told_ = has_asked_ = false;
  highest_ = acknowledged_ = 0;
  moved_ = now;
  sender_.emplace(channel_, start_, scene_->how, core_time(now));
  auto& t = scene_->transfers[channel_];
  if (anew) t.since = now;
  t.drafts[start_];
  out.events.push_back({"transfer_begins", channel_, {}});
  if (next_one_.near) give(attached{}, now, out);
}

void channel_host::write_some(time now, output& out) {
  auto& draft = scene_->transfers.at(channel_).drafts.at(start_);
  if (sender_->closing()) return;
  if (draft.text.size() >= scene_->total) {
    draft.finished = true;
    return give(finish{}, now, out);
  }
  if (!sender_->accepts()) return;
  std::string data(1 + chance_.below(scene_->write_max), '\0');
  for (auto& c : data) c = static_cast<char>('a' + chance_.below(26));
  draft.text += data;
  give(write{std::move(data)}, now, out);
}

template <class In>
void channel_host::give(In&& in, time now, output& out) {
  constexpr bool met = std::is_same_v<std::remove_cvref_t<In>, attached>;
  if constexpr (std::is_same_v<std::remove_cvref_t<In>, credit>)
    if (in.again && scene_->faultless) scene_->complain(claim::lean, "the receiver asks again");
  sender::output did;
  sender_->step(sender::input{std::forward<In>(in)}, core_time(now), did);
  check_sender(did);
  check_sent(did, met, now);
  for (auto& m : did.send)
    out.send.push_back({next_one_.who, std::visit([](auto& x) -> to_receiver { return x; }, m)});
  if (!did.done && !did.broken) return;
  told_ = true;
  begin_at_ = now + pause;
  scene_->transfers.at(channel_).over = true;
  scene_->current.erase(static_cast<member>(starts_ >> 48));
  out.events.push_back({did.done ? "transfer_done" : "sender_failed", channel_,
                        did.broken ? std::string{to_string(did.broken->why)} : std::string{}});
}

void channel_host::check_sender(const sender::output& did) {
  const auto& t = scene_->transfers.at(channel_);
  const auto name = "sender of channel " + std::to_string(channel_);
  if (sender_->held() > scene_->how.buffer + scene_->write_max)
    scene_->complain(claim::bounded, name + " holds " + std::to_string(sender_->held()));
  if ((did.done || did.broken) && (told_ || (did.done && did.broken)))
    scene_->complain(claim::told_once, name);
  const auto& draft = t.drafts.at(start_);
  const auto has_all = [&](const auto& c) { return c.second.ended && c.second.text == draft.text; };
  if (did.done && std::none_of(t.copies.begin(), t.copies.end(), has_all))
    scene_->complain(claim::done, name + " is told so, and no receiver has all");
  if (!did.broken) return;
  if (did.broken->why == reason::violated ||
      (did.broken->why == reason::corrupted && scene_->flips == 0))
    scene_->complain(claim::honest, name + ": " + did.broken->sentence);
  if (calm(t)) scene_->complain(claim::caused, name + ": " + did.broken->sentence);
}

void channel_host::check_sent(const sender::output& did, bool met, time now) {
  const auto name = "sender of channel " + std::to_string(channel_);
  if (met || sender_->acknowledged() > acknowledged_) {
    acknowledged_ = sender_->acknowledged();
    has_asked_ = false;
    moved_ = now;
  }
  bool first = sender_->held() == 0;
  for (const auto& m : did.send) {
    const auto* sent = std::get_if<chunk>(&m);
    if (sent == nullptr) continue;
    moved_ = now;
    has_asked_ = has_asked_ || sent->data.empty();
    first = first || sent->position <= acknowledged_;
    if (scene_->faultless && !sent->data.empty() && sent->position < highest_)
      scene_->complain(claim::lean, name + " sends " + std::to_string(sent->position) + " again");
    highest_ = std::max(highest_, sent->position + sent->data.size());
  }
  if (met && !first && !sender_->over()) scene_->complain(claim::prompt, name);
  const auto patience = std::chrono::nanoseconds{scene_->how.retry} + 3 * tick_every;
  const bool waits = next_one_.near && sender_->held() > 0 && !sender_->over();
  if (waits && !has_asked_ && now - moved_ > patience && now - ticked_ < 2 * tick_every)
    scene_->complain(claim::asked, name);
}

// ---- the receiver

void channel_host::arrive(chunk in, time now, output& out) {
  const auto channel = in.channel;
  auto found = sinks_.find(channel);
  if (found == sinks_.end()) {
    if (channel <= last_channel_) {
      out.send.push_back({previous_.who, to_sender{refuse(channel)}});
      return;
    }
    last_channel_ = channel;
    const id start = ++starts_;
    scene_->transfers.at(channel).copies[start];
    found = sinks_
                .emplace(channel, sink{receiver{channel, start, scene_->how, core_time(now)}, start,
                                       0, false, now})
                .first;
    if (previous_.near) take(channel, found->second, attached{}, now, out);
  }
  if (now < scene_->faults_until && !in.data.empty() && chance_.chance(scene_->flips))
    in.data[static_cast<std::size_t>(chance_.below(in.data.size()))] ^= 1;
  take(channel, found->second, std::move(in), now, out);
}

template <class In>
void channel_host::take(id channel, sink& s, In&& in, time now, output& out) {
  receiver::output did;
  s.core.step(receiver::input{std::forward<In>(in)}, core_time(now), did);
  for (const auto& d : did.delivered) s.unread += d.size();
  check_receiver(channel, s, did);
  for (auto& m : did.send) out.send.push_back({previous_.who, to_sender{std::move(m)}});
  s.released = s.released || did.released;
  if (did.ended || did.broken) {
    s.idle_since = now;
    out.events.push_back({did.ended ? "transfer_ended" : "receiver_failed", channel,
                          did.broken ? std::string{to_string(did.broken->why)} : std::string{}});
  }
}

void channel_host::check_receiver(id channel, const sink& s, const receiver::output& did) {
  auto& t = scene_->transfers.at(channel);
  auto& copy = t.copies.at(s.start);
  const auto name = "receiver of channel " + std::to_string(channel);
  if (s.core.held() > scene_->how.window)
    scene_->complain(claim::bounded, name + " holds " + std::to_string(s.core.held()));
  if (!did.delivered.empty() && (copy.ended || copy.broken))
    scene_->complain(claim::told_once, name + " gets more after its end");
  for (const auto& d : did.delivered) copy.text += d;
  const auto begins = [&](const auto& d) { return d.second.text.starts_with(copy.text); };
  if (!did.delivered.empty() && std::none_of(t.drafts.begin(), t.drafts.end(), begins))
    scene_->complain(claim::in_order, name + " has what nobody wrote: " + copy.text);
  if ((did.ended || did.broken) && (copy.ended || copy.broken || (did.ended && did.broken)))
    scene_->complain(claim::told_once, name);
  const auto is = [&](const auto& d) { return d.second.finished && d.second.text == copy.text; };
  if (did.ended && std::none_of(t.drafts.begin(), t.drafts.end(), is))
    scene_->complain(claim::whole, name + " is at the end after " + copy.text);
  copy.ended = copy.ended || did.ended;
  copy.broken = copy.broken || did.broken.has_value();
  if (!did.broken) return;
  if (did.broken->why == reason::violated ||
      (did.broken->why == reason::corrupted && scene_->flips == 0))
    scene_->complain(claim::honest, name + ": " + did.broken->sentence);
  if (calm(t)) scene_->complain(claim::caused, name + ": " + did.broken->sentence);
}

// ---- both

void channel_host::give_all(time now, output& out, bool near, bool died) {
  if (!sender_ || told_) return;
  if (died) return give(peer_died{}, now, out);
  near ? give(attached{}, now, out) : give(detached{}, now, out);
}

void channel_host::take_all(time now, output& out, bool near, bool died) {
  for (auto& [channel, s] : sinks_) {
    if (died)
      take(channel, s, peer_died{}, now, out);
    else if (near)
      take(channel, s, attached{}, now, out);
    else
      take(channel, s, detached{}, now, out);
  }
}

void channel_host::heard_of(member who, std::uint32_t life, time now, output& out) {
  const auto update = [&](neighbour& n, auto&& tell) {
    if (n.who != who || life < n.life) return;
    if (life > n.life && n.life != 0) {
      tell(false, scene_->deaths_told);
      n.near = false;
    }
    n.life = life;
    n.heard = now;
    if (!std::exchange(n.near, true)) tell(true, false);
  };
  update(next_one_, [&](bool near, bool died) { give_all(now, out, near, died); });
  update(previous_, [&](bool near, bool died) { take_all(now, out, near, died); });
}

void channel_host::lost(member peer, std::uint32_t its_life, time now, output& out) {
  heard_of(peer, its_life, now, out);  // it was there until now
  const auto update = [&](neighbour& n, auto&& tell) {
    if (n.who != peer || n.life != its_life) return;
    n.near = false;
    ++n.life;  // nothing of it is heard any more
    tell();
  };
  update(next_one_, [&] { give_all(now, out, false, scene_->deaths_told); });
  update(previous_, [&] { take_all(now, out, false, scene_->deaths_told); });
}

void channel_host::receive(member from, message m, time now, output& out) {
  if (const auto* a = std::get_if<alive>(&m)) {
    heard_of(from, a->life, now, out);
  } else if (auto* back = std::get_if<to_sender>(&m)) {
    const auto channel = std::visit([](const auto& x) { return x.channel; }, *back);
    if (sender_ && channel == channel_) {
      std::visit([&](const auto& x) { give(x, now, out); }, *back);
    } else if (std::holds_alternative<credit>(*back)) {
      out.send.push_back({from, to_receiver{refuse(channel)}});
    }
  } else if (auto& forth = std::get<to_receiver>(m); std::holds_alternative<chunk>(forth)) {
    arrive(std::get<chunk>(std::move(forth)), now, out);
  } else {
    const auto channel = std::visit([](const auto& x) { return x.channel; }, forth);
    const auto s = sinks_.find(channel);
    if (s == sinks_.end()) return;
    std::visit([&](const auto& x) { take(channel, s->second, x, now, out); }, forth);
  }
}

void channel_host::tick(time now, output& out) {
  next_ = now + step;
  if (now >= alive_at_) {
    alive_at_ = now + alive_every;
    out.send.push_back({next_one_.who, alive{life_}});
    out.send.push_back({previous_.who, alive{life_}});
  }
  if (next_one_.near && now - next_one_.heard >= away_after) {
    next_one_.near = false;
    give_all(now, out, false, false);
  }
  if (previous_.near && now - previous_.heard >= away_after) {
    previous_.near = false;
    take_all(now, out, false, false);
  }
  if (scene_->restless && now < scene_->faults_until && chance_.below(20) == 0) {
    const bool at_sender = chance_.below(2) == 0;
    auto& side = at_sender ? next_one_ : previous_;
    side.near = !side.near;
    at_sender ? give_all(now, out, side.near, false) : take_all(now, out, side.near, false);
  }
  if ((!sender_ || told_) && now >= begin_at_) begin(now, out);
  if (sender_ && !told_ && chance_.below(2) == 0) write_some(now, out);
  const bool tick = now >= tick_at_;
  if (tick) tick_at_ = now + tick_every;
  if (tick && sender_ && !told_) give(channel::tick{}, now, out);
  if (tick) ticked_ = now;
  for (auto& [channel, s] : sinks_) {
    if (s.unread > 0 && chance_.below(2) == 0) {
      const std::size_t bytes = 1 + static_cast<std::size_t>(chance_.below(s.unread));
      s.unread -= bytes;
      take(channel, s, consumed{bytes}, now, out);
    }
    if (tick) take(channel, s, channel::tick{}, now, out);
  }
  std::erase_if(sinks_, [&](const auto& s) {
    return s.second.released || (s.second.core.over() && now - s.second.idle_since >= 30s);
  });
}

void channel_host::describe(const event& e, std::string& fields) {
  simulation::append_field(fields, "event", e.what);
  simulation::append_field(fields, "channel", static_cast<std::int64_t>(e.channel));
  if (!e.why.empty()) simulation::append_field(fields, "reason", e.why);
}

simulation::run_outcome rehearse(const simulation::plan& p, const simulation::settings& how) {
  simulation::generator chance{simulation::derived(p.seed, 0x6368616eU)};
  const auto all = std::make_shared<channel_scene>();
  const auto size = [&](std::uint64_t n) { return static_cast<std::size_t>(1 + chance.below(n)); };
  all->how.chunk = size(40);
  all->how.window = size(200);
  all->how.buffer = size(200);
  // go-back-N moves some 15 chunks a second when they overtake each other all the time
  all->total =
      static_cast<std::size_t>(chance.below(std::min(20 * all->how.window, 200 * all->how.chunk)));
  all->deaths_told = chance.below(2) == 0;
  all->restless = !p.faults.empty() && chance.below(4) == 0;
  if (chance.below(8) == 0) all->flips = 5'000;
  all->faults_until = p.length;
  all->until = p.length + settled + 5s;
  all->faultless = p.faults.empty();
  simulation::conditions usual{.lateness_max = 5ms};
  if (all->faultless) usual.delay_max = usual.delay_min;
  simulation::world<channel_host> w{p.seed, usual, how.lines};
  for (member m = 0; m < p.members; ++m)
    w.add([=](const simulation::life& of) { return channel_host{of, all, p.members}; });
  simulation::claim_all(w, claim::all, all);
  w.within("every transfer ends on both sides", all_over, [=](const auto&) {
    for (const auto& [channel, t] : all->transfers) {
      const auto open = [](const auto& c) {
        return !c.second.ended && !c.second.broken && !c.second.gone;
      };
      if (!t.over || std::any_of(t.copies.begin(), t.copies.end(), open))
        return "channel " + std::to_string(channel) + " is still open";
    }
    return std::string{};
  });
  return outcome_of(w, w.run(p));
}

simulation::protocol simulated_protocol() {
  simulation::protocol it;
  it.name = "channel";
  it.help = "bulk data with credit, over sessions that end and come again";
  simulation::promise_all(it, claim::all, "every transfer ends on both sides");
  it.members_usual = 2;
  it.members_max = 100;
  it.calm = all_over + 5s;
  it.swarm = simulation::everything;
  it.run = rehearse;
  return it;
}
}  // namespace troupe::channel
