// The broker's connections, from their first byte to an agreed session.
#include "runtime/error.hpp"
#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/remoting/broker.hpp"
#include "runtime/remoting/identity.hpp"

#include <cassert>

#include <caf/io/scribe.hpp>

namespace troupe::remoting {
namespace {
constexpr std::size_t read_min = 4 * 1024, read_max = 256 * 1024;
constexpr std::size_t socket_buffer =
    256 * 1024;  // the kernel doubles it; all of it delays what is urgent
}  // namespace

// Of connections that have not proved themselves the oldest gives way: who holds many open cannot keep others out, for an
// honest handshake is over long before as many have come after it.
bool broker::make_room() {
  const auto& bounds = home_->config().bounds;
  std::size_t pending = 0;
  connection* oldest = nullptr;
  for (const auto& [id, c] : connections_) {
    if (c->attached || c->dialed) continue;
    ++pending;
    if (!oldest || c->since < oldest->since) oldest = c.get();
  }
  if (pending < bounds.handshakes_max && connections_.size() < bounds.connections_max) return true;
  if (!oldest) return false;
  give_up(*oldest, "too many connections, and others have come since");
  return true;
}

broker::connection* broker::add(handle at, std::optional<endpoint> dialed) {
  auto made = std::make_unique<connection>();
  auto& c = *made;
  c.at = at;
  c.dialed = std::move(dialed);
  c.since = home_->now();
  c.from = {remote_addr(at), remote_port(at)};
  connections_[at.id()] = std::move(made);
  home_->world().tune(at, socket_buffer);
  ack_writes(at, home_->world().acknowledges_writes());
  c.read_size = read_min;
  configure_read(at, caf::io::receive_policy::at_most(c.read_size));
  arm(c.since + home_->config().bounds.handshake_deadline);
  if (tls_) {
    c.tls.emplace(*tls_, c.dialed ? tls_stream::role::dialer : tls_stream::role::acceptor);
    write(c, {});
  } else {
    begin_handshake(c);
  }
  return &c;
}

void broker::on_accept(handle at) {
  closed_.clear();
  const bool too_many = !stopping_ && !make_room();
  if (stopping_ || too_many) {
    static log::once_per quiet{std::chrono::seconds{5}};
    if (too_many)
      quiet.warn("link", "connection refused",
                 {{"from", remote_addr(at)}, {"reason", "too many connections"}});
    metrics::counter("troupe_link_refused_total", "Connections refused.", {{"reason", "too_many"}})
        .add();
    let_go(at);
    return;
  }
  add(at, std::nullopt);
}

void broker::connect(const endpoint& to) {
  if (stopping_) return;
  if (home_->problem()) return tell(link_refused{to, home_->problem()});
  const auto& by = home_->config().credentials;
  if (by.secret.empty() && !by.tls() && !is_loopback(to.host)) {
    tell(link_refused{to, make_error(errc::refused,
                                     "without the cluster's secret or certificates this node "
                                     "speaks to loopback only, not to " +
                                         to.host +
                                         ": give all nodes the same secret, or make certificates "
                                         "with `troupe certificates`")});
    return;
  }
  const auto address = to_string(to);
  if (dialing_.count(address) != 0) return;
  for (const auto& [id, c] : connections_) {
    if (c->dialed && !c->closing && to_string(*c->dialed) == address) return;
  }
  for (const auto& [life, l] : links_) {
    if (!l->session || !l->wire) continue;
    if (l->dialed != to && !(l->at_its_word && l->who.address == to)) continue;
    if (l->announced) tell(link_found{l->who, to});
    return;
  }
  dialing_.insert(address);
  auto home = home_;
  auto self = caf::strong_actor_ptr{ctrl()};
  dialer_->dial(to, home_->config().bounds.dial_deadline,
                [home, self, this, to](caf::expected<caf::io::scribe_ptr> result) {
                  home->later([self, this, to, result] { on_dialed(to, result); });
                });
}

// A session that may still resume dials on: that is nobody's concern yet.
void broker::dial_failed(const endpoint& to, const caf::error& why, refused_as how) {
  for (const auto& [life, l] : links_) {
    if (l->session && l->broken && l->dialed == to) return;
  }
  unreachable(to, why);
  tell(link_refused{to, why, how.downed, how.myself});
}

void broker::on_dialed(const endpoint& to, caf::expected<caf::io::scribe_ptr> result) {
  dialing_.erase(to_string(to));
  if (stopping_) return;
  if (!result) {
    log::debug("link", "dial failed",
               {{"to", to_string(to)}, {"reason", sentence_of(result.error())}});
    return dial_failed(to, result.error());
  }
  const auto at = (*result)->hdl();
  add_scribe(std::move(*result));
  add(at, to);
}

// Both sides end the handshake before the session's bytes: what is left over belongs to the session.
void broker::begin_handshake(connection& c) {
  const auto& config = home_->config();
  link::nonce mine{};
  home_->world().chance().fill(mine);
  link::credential how{.secret = secret_};
  if (c.tls) {
    how.also = c.tls->names();
    how.certificate = how.also.empty() ? std::string{} : how.also.front();
    for (const auto byte : c.tls->binding()) how.binding.push_back(static_cast<char>(byte));
  }
  endpoint address = config.advertised;
  if (address.host.empty()) {
    if (const auto bound = home_->listening()) address = *bound;
  }
  link::identity me{.cluster = config.cluster,
                    .node = config.node,
                    .life = home_->life(),
                    .address = address.host.empty() ? std::string{} : to_string(address),
                    .client = config.client};
  c.shake = std::make_unique<link::handshake>(
      c.dialed ? link::role::dialer : link::role::acceptor, std::move(me), std::move(how), mine,
      link::handshake_settings{.deadline = config.bounds.handshake_deadline}, home_->now());
  link::handshake::output out;
  c.shake->start(out);
  carry_out(c, out);
}

void broker::on_bytes(const caf::io::new_data_msg& data) {
  closed_.clear();
  const auto found = connections_.find(data.handle.id());
  if (found == connections_.end() || found->second->closing) return;
  auto& c = *found->second;
  c.heard_from = true;
  // large reads only where there is much to read: the buffer is cleared each time
  const auto size = data.buf.size();
  const auto wanted = size >= c.read_size ? read_max : size < read_min / 2 ? read_min : c.read_size;
  if (wanted != c.read_size) {
    c.read_size = wanted;
    configure_read(c.at, caf::io::receive_policy::at_most(wanted));
  }
  if (!c.tls) return on_plain(c, data.buf);
  std::vector<char> plain;
  plain.swap(c.plain);
  plain.clear();
  const bool before = c.tls->established();
  const auto problem = c.tls->feed(data.buf, plain);
  write(c, {});
  if (problem) {
    if (!c.attached) return give_up(c, *problem);
    if (auto& l = link_of(*c.met); l.wire == c.at) return lost(l, link::fault::bad_frame);
    return close(c, true);
  }
  if (!before && c.tls->established()) begin_handshake(c);
  if (!plain.empty()) on_plain(c, plain);
  c.plain.swap(plain);
}

void broker::on_plain(connection& c, link::view bytes) {
  if (c.closing) return;
  if (!c.attached) {
    link::handshake::output out;
    c.shake->receive(bytes, home_->now(), out);
    return carry_out(c, out);
  }
  auto& l = link_of(*c.met);
  if (!l.session || l.wire != c.at) return;
  link::session::output out;
  l.session->receive(home_->now(), bytes, out);
  carry_out(l, out);
  pump(l);
}

void broker::carry_out(connection& c, link::handshake::output& out) {
  if (!out.send.empty() && !reached(failpoint::link_handshake_send)) write(c, out.send);
  if (out.refused) return refused(c, out);
  if (out.met) return on_met(c, out);
  if (out.chosen) {
    auto& l = link_of(*c.met);
    link::handshake::output next;
    c.chosen = *out.chosen;
    if (const auto stale = l.meeting.judge(*out.chosen, state_of(l))) {
      c.shake->refuse(*stale, next);
    } else {
      c.shake->agree(next);
    }
    return carry_out(c, next);
  }
  if (!out.done) return;
  if (c.dialed) {
    auto& l = link_of(*c.met);
    l.meeting.dial_over();
    if (!l.meeting.welcomed(*c.chosen)) return close(c, false);
  }
  settle(c);
}

std::optional<link::refusal> broker::objection(const link::identity& who) {
  if (stopping_) return link::refusal::shutting_down;
  if (home_->forbidden(who.life)) return link::refusal::forbidden;
  if (impostor(who)) return link::refusal::not_the_certificates;
  if (too_many_lives(who)) return link::refusal::too_many;
  return std::nullopt;
}

// Incarnations are no secret: one that is known under a name is that node's alone.
bool broker::impostor(const link::identity& who) const {
  const auto known = links_.find(who.life);
  return known != links_.end() && !known->second->who.name.empty() &&
         known->second->who.name != who.node;
}

// One node is not given more sessions than it could need, be it restarted over and over.
bool broker::too_many_lives(const link::identity& who) const {
  constexpr int lives_max = 4;
  return !who.client && std::count_if(links_.begin(), links_.end(), [&](const auto& it) {
                          return it.first != who.life && it.second->session &&
                                 it.second->who.name == who.node;
                        }) >= lives_max;
}

void broker::on_met(connection& c, link::handshake::output& out) {
  const auto& who = *out.met;
  c.met = who.life;
  link::handshake::output next;
  if (const auto no = objection(who)) {
    c.shake->refuse(*no, next);
    return carry_out(c, next);
  }
  auto& l = link_of(who.life);
  if (!c.dialed) {
    c.told = l.meeting.offer(state_of(l));
    c.shake->proceed(c.told, next);
    return carry_out(c, next);
  }
  c.heard = out.offered.value_or(link::standing{});
  const auto decided = l.meeting.choose(c.heard, state_of(l));
  if (const auto* no = std::get_if<link::refusal>(&decided)) {
    c.shake->refuse(*no, next);
  } else {
    c.chosen = std::get<link::choice>(decided);
    c.shake->proceed(*c.chosen, next);
  }
  carry_out(c, next);
}

void broker::refused(connection& c, const link::handshake::output& out) {
  if (c.dialed && c.met && c.chosen) link_of(*c.met).meeting.dial_over();
  // of two crossed connections one is given up: that is no failure
  const bool crossed = *out.refused == link::refusal::stale;
  if (crossed) {
    const auto known = c.met ? links_.find(*c.met) : links_.end();
    log::debug("link", "one of two crossed connections is given up", {{"peer", to_string(c.from)}});
    if (c.dialed && known != links_.end() && known->second->session && known->second->announced)
      tell(link_found{known->second->who, *c.dialed});
    return close(c, false);
  }
  give_up(c, std::string{out.told ? "the peer says: " : ""} + std::string{sentence(*out.refused)},
          {.downed = out.told && *out.refused == link::refusal::forbidden,
           .myself = *out.refused == link::refusal::myself});
}

// What a stranger can make us write is bounded: each reason once a minute for each host, and then how often.
void broker::note_refusal(const connection& c, std::string_view message, std::string_view reason) {
  constexpr std::size_t kinds_max = 1024;
  const auto key = (c.dialed ? to_string(*c.dialed) : c.from.host) + ": " + std::string{reason};
  if (refusals_.size() >= kinds_max && refusals_.count(key) == 0) return;
  if (refusals_[key]++ > 0) return;
  log::warn("link", message,
            {{"peer", to_string(c.dialed ? *c.dialed : c.from)}, {"reason", reason}});
}

void broker::sum_up_refusals(instant now) {
  if (now - refusals_told_ < std::chrono::minutes{1}) return;
  refusals_told_ = now;
  for (const auto& [what, times] : std::exchange(refusals_, {}))
    if (times > 1) log::warn("link", "refused again", {{"what", what}, {"times", times - 1}});
}

void broker::give_up(connection& c, std::string_view reason, refused_as how) {
  if (c.closing) return;
  assert(!c.attached);
  metrics::counter("troupe_link_refused_total", "Connections refused.",
                   {{"reason", c.dialed ? "dialed" : "accepted"}})
      .add();
  note_refusal(c, c.dialed ? "handshake failed" : "connection refused", reason);
  const auto dialed = c.dialed;
  close(c, false);
  if (!dialed) return;
  const auto why = make_error(errc::refused,
                              "no session with " + to_string(*dialed) + ": " + std::string{reason});
  dial_failed(*dialed, why, how);
}

void broker::write(connection& c, link::view bytes) {
  if (c.closing) return;
  auto& out = wr_buf(c.at);
  const auto before = out.size();
  if (c.tls) {
    if (!bytes.empty()) c.tls->write(bytes);
    c.tls->take(out);
  } else {
    link::put_bytes(out, bytes);
  }
  if (out.size() == before) return;
  if (home_->world().acknowledges_writes()) c.with_socket += out.size() - before;
  flush(c.at);
}

void broker::close(connection& c, bool at_once) {
  if (c.closing) return;
  c.closing = true;
  const auto at = c.at;
  if (at_once) home_->world().abort(at);
  // CAF never lets go of a socket that is closed in the very turn of its loop in which it was added
  if (c.heard_from) {
    let_go(at);
  } else {
    backend().post([this, self = caf::strong_actor_ptr{ctrl()}, at] { let_go(at); });
  }
  bury(at);
}

void broker::let_go(handle at) {
  halt(at);
  caf::io::broker::close(at);
}

// Its callers may still look at it: it goes with the next event.
void broker::bury(handle at) {
  const auto found = connections_.find(at.id());
  if (found == connections_.end()) return;
  found->second->closing = true;
  closed_.push_back(std::move(found->second));
  connections_.erase(found);
}

void broker::on_closed(handle at) {
  const auto found = connections_.find(at.id());
  if (found == connections_.end()) return;
  auto& c = *found->second;
  if (stopping_) return bury(at);
  if (c.attached) {
    auto& l = link_of(*c.met);
    bury(at);
    if (l.wire == at) lost(l, link::fault::closed);
    return;
  }
  if (c.dialed && c.met && c.chosen) link_of(*c.met).meeting.dial_over();
  const auto dialed = c.dialed;
  if (!dialed) note_refusal(c, "connection closed", "it was closed before it had proved itself");
  bury(at);
  if (!dialed) return;
  const auto why = make_error(errc::unreachable, "the connection to " + to_string(*dialed) +
                                                     " was closed during the handshake");
  dial_failed(*dialed, why);
}

void broker::on_sent(const caf::io::data_transferred_msg& sent) {
  const auto found = connections_.find(sent.handle.id());
  if (found == connections_.end()) return;
  auto& c = *found->second;
  c.with_socket = sent.remaining;
  if (!c.attached) return;
  auto& l = link_of(*c.met);
  if (l.session && l.wire == c.at && c.with_socket < home_->config().link.socket_max / 2) pump(l);
}
}  // namespace troupe::remoting
