// The broker's sessions: from an agreed handshake to the end, over connections that come and go.
#include "runtime/error.hpp"
#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/remoting/broker.hpp"
#include "runtime/remoting/identity.hpp"

#include <caf/send.hpp>

namespace troupe::remoting {
namespace {
constexpr std::array lanes{link::lane::control, link::lane::urgent, link::lane::normal,
                           link::lane::bulk};
constexpr std::chrono::seconds gateway_patience{5};
constexpr std::size_t session_queue =
    128 * 1024;  // in the session; the rest waits in the outbox, in larger batches
}  // namespace

template <class Event>
void broker::tell(Event event) {
  for (const auto& who : home_->observers()) caf::anon_send(who, event);
}
template void broker::tell(link_refused);
template void broker::tell(link_found);
template void broker::tell(link_down);

broker::peer_link& broker::link_of(const link::incarnation& life) {
  auto& found = links_[life];
  if (!found) {
    found = std::make_unique<peer_link>(home_->life(), life);
    found->ended = home_->now();
  }
  return *found;
}

link::meeting::session_state broker::state_of(const peer_link& l) const {
  if (!l.session) return {};
  return {
      .live = l.session->live(), .attached = l.wire.has_value(), .received = l.session->received()};
}

void broker::observe(const caf::actor& who) {
  home_->add_observer(who);
  for (const auto& [life, l] : links_) {
    if (l->session && l->announced) caf::anon_send(who, link_up{l->who, l->gateway, l->dialed});
  }
}

void broker::tell_gateway_again() {
  for (auto& [life, l] : links_) {
    if (!l->session) continue;
    l->told_gateway = true;
    l->actors->tell_gateway();
  }
}

void broker::reach(std::shared_ptr<association> who) {
  if (home_->find(who->peer()) != who || who->closed()) return;
  if (const auto known = links_.find(who->peer());
      known != links_.end() && known->second->actors == who)
    return;
  const auto where = home_->address_of(who->peer());
  const auto taken = [&](const auto& it) {
    return it.second->session && it.second->wire && where && it.first != who->peer() &&
           it.second->who.address == *where;
  };
  if (!where || std::any_of(links_.begin(), links_.end(), taken)) {
    who->close(
        make_error(
            errc::unreachable,
            "no address is known for the node of that actor: it is no member, or not any more"),
        caf::exit_reason::remote_link_unreachable);
    return home_->ended(*who);
  }
  waited_for_[to_string(*where)].insert(who->peer());
  connect(*where);
}

// Sessions to come that were hoped for behind this address, but for the one that came.
void broker::unreachable(const endpoint& to, const caf::error& why, const link::incarnation& but) {
  const auto found = waited_for_.find(to_string(to));
  if (found == waited_for_.end()) return;
  const auto hopeful = std::move(found->second);
  waited_for_.erase(found);
  for (const auto& life : hopeful) {
    const auto who = life == but ? nullptr : home_->find(life);
    if (!who || (links_.count(life) != 0 && links_[life]->actors == who)) continue;
    who->close(why, caf::exit_reason::remote_link_unreachable);
    home_->ended(*who);
  }
}

void broker::settle(connection& c) {
  reached(failpoint::link_agreed);
  const auto life = *c.met;
  const auto agreed = *c.chosen;
  const auto& they = c.shake->peer();
  const auto now = home_->now();
  auto& l = link_of(life);
  for (auto at = connections_.begin(); at != connections_.end();) {
    auto& other = *(at++)->second;
    if (&other == &c || other.met != life || (!other.attached && !other.dialed)) continue;
    if (l.wire == other.at) l.wire.reset();
    if (!other.attached) l.meeting.dial_over();
    close(other, true);
  }
  if (c.dialed)
    unreachable(*c.dialed, make_error(errc::unreachable, "another process is at that address now"),
                life);
  if (!agreed.resumed) {
    finish(l, link::ending::superseded, "");
    l.session = std::make_unique<link::session>(home_->config().link, now);
    l.actors = home_->begin(life);
    endpoint address;
    if (auto parsed = parse_endpoint(they.address)) address = *parsed;
    l.who = {they.node, node_of(life), address, they.client, l.actors->number()};
    l.announced = l.told_gateway = l.broken = false;
    l.at_inlet = {};
    l.dialed.reset();
    l.since = now;
    l.resent = l.counted_sent = l.counted_received = 0;
  }
  if (!l.session) return close(c, false);
  if (c.dialed && agreed.resumed && l.announced && l.dialed != c.dialed)
    tell(link_found{l.who, *c.dialed});
  l.at_its_word = l.who.address.port != 0 && l.who.address.host == remote_addr(c.at);
  c.attached = true;
  l.wire = c.at;
  if (c.dialed) l.dialed = c.dialed;
  const auto told = !agreed.resumed ? 0 : c.dialed ? agreed.received : c.told.received;
  const auto heard = !agreed.resumed ? 0 : c.dialed ? c.heard.received : agreed.received;
  log::info("link", agreed.resumed ? "session resumed" : "session begun",
            {{"peer", l.who.name},
             {"incarnation", to_string(life)},
             {"session", l.who.session},
             {"client", l.who.client}});
  link::session::output out;
  l.session->attach(now, told, heard, out);
  if (agreed.resumed) l.resent += l.session->unacknowledged();
  if (std::exchange(l.broken, false) && l.announced) tell(link_resumed{l.who});
  carry_out(l, out);
  if (l.session && !l.told_gateway && home_->gateway_known()) {
    l.told_gateway = true;
    l.actors->tell_gateway();
  } else if (!l.told_gateway) {
    arm(now + gateway_patience);
  }
  if (const auto rest = c.shake->leftover(); !rest.empty() && l.session) {
    link::session::output more;
    l.session->receive(now, rest, more);
    carry_out(l, more);
  }
  pump(l);
}

void broker::carry_out(peer_link& l, link::session::output& out) {
  for (auto& batch : out.batches) {
    if (l.session) on_batch(l, batch);
  }
  if (l.session && out.broken) lost(l, *out.broken);
  if (l.session && out.ended) finish(l, *out.ended, out.text);
  if (l.session) arm(l.session->next_tick());
}

// What takes long to decode, and all of its lane that follows, is decoded elsewhere, where there are threads; until then
// its bytes are held.
void broker::on_batch(peer_link& l, link::batch& batch) {
  auto& elsewhere = l.at_inlet[static_cast<std::size_t>(batch.on)];
  if (!batch.whole() && !home_->world().own_thread()) {
    const auto on = batch.on;
    const auto bytes = link::join(std::move(batch));
    return taken(l, receiver_.take(*l.actors, on, bytes));
  }
  if (batch.whole() && elsewhere == 0)
    return taken(l, receiver_.take(*l.actors, batch.on, batch.bytes));
  ++elsewhere;
  const auto on = batch.on;
  const auto bytes = batch.size();
  l.session->delivered(on, bytes);
  inlet_.take(l.actors, std::move(batch),
              [this, self = caf::strong_actor_ptr{ctrl()}, from = l.actors, on,
               bytes](receiver::result result) {
                home_->later([this, self, from, on, bytes, result] {
                  const auto found = links_.find(from->peer());
                  if (found == links_.end() || found->second->actors != from) return;
                  auto& there = *found->second;
                  --there.at_inlet[static_cast<std::size_t>(on)];
                  there.session->consumed(on, bytes);
                  taken(there, result);
                  pump(there);
                });
              });
}

void broker::settle_accounts(peer_link& l) {
  const auto sums = l.actors->collect();
  for (const auto on : lanes) {
    const auto at = static_cast<std::size_t>(on);
    if (sums.delivered[at] > 0) l.session->delivered(on, sums.delivered[at]);
    if (sums.consumed[at] > 0) l.session->consumed(on, sums.consumed[at]);
  }
}

void broker::taken(peer_link& l, receiver::result result) {
  settle_accounts(l);
  if (result.greeted) greeted(l, result.gateway);
  if (!result.problem) return;
  link::session::output out;
  l.session->end(link::ending::faults, sentence(*result.problem), out);
  carry_out(l, out);
}

void broker::greeted(peer_link& l, caf::strong_actor_ptr gateway) {
  auto told = caf::actor_cast<caf::actor>(gateway);
  if (std::exchange(l.announced, true) && l.gateway == told) return;
  l.gateway = std::move(told);
  tell(link_up{l.who, l.gateway, l.dialed});
}

void broker::on_wake(const association& who) {
  const auto found = links_.find(who.peer());
  if (found != links_.end() && found->second->actors.get() == &who) pump(*found->second, true);
}

bool broker::refill(peer_link& l) {
  bool moved = false;
  for (const auto on : lanes) {
    link::buffer batch;
    while (l.session->queued(on) < session_queue && l.actors->out().take(on, batch)) {
      l.session->enqueue(on, std::move(batch), true);
      moved = true;
    }
  }
  return moved;
}

// `promptly`: one who sends now and then is not to wait for the loop's next turn; who sends much is served better by
// batches that grow while the socket works.
void broker::pump(peer_link& l, bool promptly) {
  if (!l.session) return;
  settle_accounts(l);
  const auto wire = l.wire ? connections_.find(l.wire->id()) : connections_.end();
  if (wire == connections_.end()) return;
  auto& c = *wire->second;
  const auto now = home_->now();
  auto& out = l.actors->out();
  for (;;) {
    const bool moved = refill(l);
    const bool wrote = write_session(l, c, now, std::exchange(promptly, false));
    for (const auto on : lanes) out.also_queued(on, l.session->queued(on));
    if (moved || wrote) continue;
    // while bytes are with the socket its acknowledgement comes back here; a lane that waits for credit has that
    if (c.with_socket > 0) break;
    std::array<bool, link::lane_count> waits{};
    for (const auto on : lanes)
      waits[static_cast<std::size_t>(on)] = l.session->queued(on) >= session_queue;
    if (out.sleep(waits)) break;
  }
  arm(l.session->next_tick());
}

bool broker::write_session(peer_link& l, connection& c, instant now, bool promptly) {
  reached(failpoint::link_session_send);
  constexpr std::size_t prompt_max = 16 * 1024;
  if (c.tls) {
    link::buffer plain;
    l.session->write(now, c.with_socket, plain);
    write(c, plain);
    return !plain.empty();
  }
  auto& world = home_->world();
  auto& bytes = wr_buf(c.at);
  const auto before = bytes.size();
  const auto written = l.session->write(now, c.with_socket, bytes);
  if (written == 0) return false;
  std::size_t gone = 0;
  if (promptly && before == 0 && c.with_socket == 0 && written <= prompt_max)
    gone = world.write_now(c.at, bytes);
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(gone));
  if (world.acknowledges_writes()) c.with_socket += written - gone;
  if (!bytes.empty()) flush(c.at);
  reached(failpoint::link_session_sent);
  return true;
}

void broker::lost(peer_link& l, link::fault why) {
  if (!l.wire) return;
  const auto at = *std::exchange(l.wire, std::nullopt);
  if (const auto found = connections_.find(at.id()); found != connections_.end())
    close(*found->second, true);
  const auto now = home_->now();
  link::session::output out;
  l.session->detach(now, why, out);
  l.broken = true;
  l.redial = now;
  l.attempts = 0;
  log::info("link", "connection lost",
            {{"peer", l.who.name}, {"session", l.who.session}, {"reason", sentence(why)}});
  metrics::counter("troupe_link_connections_lost_total", "Connections of sessions that were lost.")
      .add();
  if (l.announced) tell(link_broken{l.who, std::string{sentence(why)}});
  if (l.dialed) arm(now);
  carry_out(l, out);
}

void broker::finish(peer_link& l, link::ending why, const std::string& text) {
  if (!l.session) return;
  const auto session = std::move(l.session);
  const auto actors = std::move(l.actors);
  const auto at = std::exchange(l.wire, std::nullopt);
  if (const auto wire = at ? connections_.find(at->id()) : connections_.end();
      wire != connections_.end()) {
    auto& c = *wire->second;
    link::buffer last;
    session->write(home_->now(), c.with_socket, last);
    if (!last.empty()) write(c, last);
    if (stopping_) {  // the last words go first; then close_all
      c.closing = true;
      c.attached = false;
    } else {
      close(c, false);
    }
  }
  l.broken = false;
  l.ended = home_->now();
  l.dialed.reset();
  auto reason = std::string{sentence(why)};
  if (!text.empty()) reason += " (" + text + ")";
  log::info("link", "session ended",
            {{"peer", l.who.name}, {"session", l.who.session}, {"reason", reason}});
  metrics::counter("troupe_link_sessions_ended_total", "Sessions that are over for good.").add();
  home_->ended(*actors);
  actors->close(make_error(errc::unknown_outcome, "the session with " + l.who.name +
                                                      " ended before the answer: " + reason +
                                                      "; it may have been done"),
                caf::exit_reason::remote_link_unreachable);
  if (std::exchange(l.announced, false))
    tell(link_down{l.who, make_error(errc::unreachable,
                                     "the session with " + l.who.name + " ended: " + reason)});
  l.gateway = nullptr;
}

void broker::disconnect(const link::incarnation& who, link::ending why, const std::string& reason) {
  const auto found = links_.find(who);
  if (found == links_.end() || !found->second->session) return;
  auto& l = *found->second;
  pump(l);
  link::session::output out;
  l.session->end(why, reason, out);
  carry_out(l, out);
}
}  // namespace troupe::remoting
