#include "runtime/remoting/broker.hpp"

#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/remoting/identity.hpp"

#include <arpa/inet.h>
#include <caf/behavior.hpp>
#include <caf/send.hpp>
#include <openssl/hmac.h>

namespace troupe::remoting {
namespace {
constexpr std::chrono::seconds housekeeping{1};
constexpr std::chrono::seconds gateway_patience{5};  // for who never says that it has none
using tick_atom = caf::atom_constant<caf::atom("link_tick")>;
}  // namespace

bool is_loopback(const std::string& host) {
  in_addr address{};
  return host == "localhost" || host == "::1" ||
         (host.rfind("127.", 0) == 0 && ::inet_pton(AF_INET, host.c_str(), &address) == 1);
}

std::optional<std::string> loopback_only(const settings& config) {
  const auto& by = config.credentials;
  if (!by.secret.empty() || by.tls()) return std::nullopt;
  if (config.listen.host.empty() || is_loopback(config.listen.host)) return std::nullopt;
  return "without the cluster's secret or certificates a node listens on loopback only, not on " +
         config.listen.host +
         ": give all nodes the same secret, or make certificates with `troupe certificates`";
}

broker::broker(caf::actor_config& config, std::shared_ptr<hub> home, std::optional<tls_context> tls)
    : caf::io::broker{config},
      home_{std::move(home)},
      tls_{std::move(tls)},
      secret_{secret()},
      receiver_{*home_},
      inlet_{*home_},
      dialer_{home_->world().dialer(backend())} {}
broker::~broker() = default;

link::mac_function broker::secret() const {
  const auto& shared = home_->config().credentials.secret;
  if (shared.empty()) return {};
  return [shared](link::view bytes) {
    link::mac result{};
    unsigned size = 0;
    HMAC(EVP_sha256(), shared.data(), static_cast<int>(shared.size()),
         reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), result.data(), &size);
    return result;
  };
}

caf::behavior broker::make_behavior() {
  arm(home_->now() + housekeeping);
  return {
      [this](const caf::io::new_connection_msg& accepted) { on_accept(accepted.handle); },
      [this](const caf::io::new_data_msg& data) { on_bytes(data); },
      [this](const caf::io::connection_closed_msg& closed) { on_closed(closed.handle); },
      [this](const caf::io::data_transferred_msg& sent) { on_sent(sent); },
      [](const caf::io::acceptor_closed_msg&) {
        log::error("link", "the listening socket was closed");
      },
      [this](const wake_up& w) { on_wake(*w.who); },
      [](const task& t) { t.run(); },
      [this](tick_atom, std::uint64_t generation) { on_tick(generation); },
  };
}

void broker::on_exit() {
  if (!stopping_) {
    log::error("link", "the broker has ended by itself: this node has no links any more");
    for (auto& [life, l] : links_)
      if (std::exchange(l->announced, false))
        tell(link_down{l->who, make_error(errc::unreachable, "this node has no links any more")});
  }
  if (dialer_) dialer_->stop();
  inlet_.stop();
  home_->stop();  // nobody waits for what cannot come any more
  links_.clear();
  connections_.clear();
}

// CAF's brokers skip what other actors do here and leave their mailbox open: what is in it, such as a tick whose sender
// is the broker, or comes later would keep the broker alive for ever.
bool broker::cleanup(caf::error&& reason, caf::execution_unit* host) {
  auto again = reason;
  const bool first = caf::io::broker::cleanup(std::move(reason), host);
  caf::scheduled_actor::cleanup(std::move(again), host);
  return first;
}

caf::expected<endpoint> broker::listen() {
  auto where = home_->config().listen;
  if (auto problem = loopback_only(home_->config())) return make_error(errc::refused, *problem);
  auto bound = add_tcp_doorman(where.port,
                               where.host == "localhost" ? "127.0.0.1" : where.host.c_str(), true);
  if (!bound)
    return make_error(errc::refused, "cannot listen on " + to_string(where) +
                                         ": is the port in use, or the address another host's?");
  listener_ = bound->first;
  where.port = bound->second;
  return where;
}

void broker::arm(instant at) {
  if (at >= armed_ || stopping_) return;
  armed_ = at;
  const auto now = home_->now();
  delayed_send(this, at > now ? at - now : instant{0}, tick_atom::value, ++generation_);
}

void broker::on_tick(std::uint64_t generation) {
  if (generation != generation_) return;
  armed_ = instant::max();
  closed_.clear();
  const auto now = home_->now();
  tick_connections(now);
  tick_links(now);
  if (now - sweep_ >= housekeeping) {
    sweep_ = now;
    count_messages();
    home_->exports().sweep(now);
    home_->requests().forget_ended();
    tick_waiting();
    sum_up_refusals(now);
  }
  arm(sweep_ + housekeeping);
}

void broker::tick_connections(instant now) {
  std::vector<handle> all;
  for (const auto& [id, c] : connections_) {
    if (!c->attached) all.push_back(c->at);
  }
  for (const auto& at : all) {
    const auto found = connections_.find(at.id());
    if (found == connections_.end()) continue;
    auto& c = *found->second;
    if (c.shake && !c.shake->over()) {
      link::handshake::output out;
      c.shake->tick(now, out);
      arm(std::max(c.shake->deadline(), now + std::chrono::milliseconds{10}));
      carry_out(c, out);
    } else if (now - c.since >= home_->config().bounds.handshake_deadline) {
      give_up(c, "it did not prove itself in time");
    } else {
      arm(c.since + home_->config().bounds.handshake_deadline);
    }
  }
}

void broker::tick_links(instant now) {
  std::vector<link::incarnation> forgotten;
  for (auto& [life, l] : links_) {
    if (!l->session) {
      if (now - l->ended > std::chrono::seconds{60}) forgotten.push_back(life);
      continue;
    }
    link::session::output out;
    l->session->tick(now, out);
    carry_out(*l, out);
    if (!l->session) continue;
    if (!l->told_gateway && l->wire && now - l->since >= gateway_patience) {
      l->told_gateway = true;
      l->actors->tell_gateway();
    }
    if (l->broken && l->dialed && now >= l->redial) {
      l->redial =
          now + std::chrono::milliseconds{std::min(20u << std::min(l->attempts++, 4u), 200u)};
      connect(*l->dialed);
    }
    if (l->broken && l->dialed) arm(l->redial);
    pump(*l);
  }
  for (const auto& life : forgotten) links_.erase(life);
}

// Sessions that were hoped for and did not come, for whatever reason: who waits for them is told.
void broker::tick_waiting() {
  for (const auto& who : home_->overdue()) {
    if (const auto known = links_.find(who->peer());
        known != links_.end() && known->second->actors == who)
      continue;
    who->close(make_error(errc::unreachable, "no session with the actor's node came about in time"),
               caf::exit_reason::remote_link_unreachable);
    home_->ended(*who);
  }
}

void broker::count_messages() {
  static auto& sent = metrics::counter("troupe_link_messages_total", "Messages over links.",
                                       {{"direction", "sent"}});
  static auto& received = metrics::counter("troupe_link_messages_total", "Messages over links.",
                                           {{"direction", "received"}});
  static auto& sessions = metrics::gauge("troupe_link_sessions", "Sessions that stand.");
  double standing = 0;
  for (auto& [life, l] : links_) {
    if (!l->session) continue;
    ++standing;
    const std::uint64_t out = l->actors->sent, in = l->actors->received;
    sent.add(static_cast<double>(out - std::exchange(l->counted_sent, out)));
    received.add(static_cast<double>(in - std::exchange(l->counted_received, in)));
  }
  sessions.set(standing);
}

void broker::stop() {
  stopping_ = true;
  if (listener_) caf::io::broker::close(*std::exchange(listener_, std::nullopt));
  dialer_->stop();
  for (auto& [life, l] : links_) {
    if (!l->session) continue;
    pump(*l);
    link::session::output out;
    l->session->end(link::ending::shutting_down, "", out);
    carry_out(*l, out);
  }
}

bool broker::has_said_bye() {
  return std::all_of(connections_.begin(), connections_.end(),
                     [](const auto& it) { return it.second->with_socket == 0; });
}

void broker::close_all() {
  inlet_.stop();
  while (!connections_.empty()) {
    auto& c = *connections_.begin()->second;
    c.closing = false;
    close(c, true);
  }
}

std::vector<peer_stats> broker::stats() {
  std::vector<peer_stats> result;
  for (const auto& [life, l] : links_) {
    if (!l->session) continue;
    const auto& s = *l->session;
    auto& a = *l->actors;
    const auto queued = [&](link::lane on) { return s.queued(on) + a.out().queued(on); };
    result.push_back({.who = l->who,
                      .connected = l->wire.has_value(),
                      .queued_control = queued(link::lane::control),
                      .queued_urgent = queued(link::lane::urgent),
                      .queued_normal = queued(link::lane::normal),
                      .credit = s.limit(link::lane::normal) - s.sent(link::lane::normal),
                      .sent = a.sent,
                      .received = a.received,
                      .resent = l->resent,
                      .dead_letters = a.dead_letters,
                      .overloaded = a.overloaded,
                      .proxies = a.proxies(),
                      .exports = a.exported(),
                      .pending_requests = home_->requests().count(a.number()),
                      .round_trip = l->wire ? home_->world().round_trip(*l->wire)
                                            : std::chrono::microseconds{0}});
  }
  return result;
}
}  // namespace troupe::remoting
