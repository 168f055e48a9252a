#include "patterns/link/session_simulated.hpp"

#include <algorithm>
namespace troupe::link::simulated {
using namespace std::chrono_literals;
namespace {
constexpr simulation::duration work_every = 20ms, gap_max = 150ms, greet_within = 1s,
                               dial_after = 300ms;
}  // namespace

host::host(const simulation::life& of, std::shared_ptr<scene> all, std::uint32_t members)
    : self_{of.self}, life_{of.number}, chance_{of.seed}, scene_{std::move(all)}, work_at_{of.now} {
  for (member m = 0; m < members; ++m) {
    if (m == self_) continue;
    auto& p = peers_.emplace_back();
    p.who = m;
    p.dial_at = of.now + chance_.between({}, dial_after);
  }
}

// Which of two dials wins must not be the same pair's all the time.
incarnation host::incarnation_of(member m, std::uint32_t life) const {
  incarnation of;
  const auto mixed = simulation::derived(m, life) | 1;
  for (std::size_t i = 0; i < 8; ++i) of.bytes[i] = static_cast<std::uint8_t>(mixed >> 8 * i);
  of.bytes[19] = static_cast<std::uint8_t>(m);
  return of;
}

meeting::session_state host::state_of(const peer& p) const {
  if (!p.link || !p.link->live()) return {};
  return {true, p.link->standing() == session::state::attached, p.link->received()};
}

// ---- connections

void host::post(peer& p, std::uint64_t c, parcel what, output& out) {
  out.send.push_back({p.who, packet{c, ++p.open.at(c).posted, std::move(what)}});
}

void host::shut(peer& p, std::uint64_t c, instant now, output& out, bool tell) {
  if (p.open.erase(c) == 0) return;
  p.past.insert(c);
  if (tell) out.send.push_back({p.who, packet{c, 0, {}}});
  if (p.dialing == c) {
    p.dialing = 0;
    if (p.with) p.with->dial_over();
  }
  if (p.in_use != c) return;
  p.in_use = 0;
  session::output did;
  if (p.link) p.link->detach(now, fault::closed, did);
}

void host::receive(member from, packet in, instant now, output& out) {
  auto& p = peers_.at(from < self_ ? from : from - 1);
  auto found = p.open.find(in.connection);
  if (in.number == 0) return shut(p, in.connection, now, out, false);
  if (found == p.open.end()) {
    const bool fresh =
        in.number == 1 && std::holds_alternative<dial>(in.what) && !p.past.contains(in.connection);
    if (!fresh) {
      out.send.push_back({from, packet{in.connection, 0, {}}});
      return;
    }
    found = p.open.emplace(in.connection, connection{.opened = now}).first;
  }
  auto& c = found->second;
  if (in.number <= c.delivered) return;
  c.early.emplace(in.number, std::move(in.what));
  for (;;) {
    const auto it = p.open.find(in.connection);
    if (it == p.open.end()) break;
    auto& early = it->second.early;
    if (early.empty() || early.begin()->first != it->second.delivered + 1) {
      it->second.gap_since = early.empty() ? instant{} : now;
      break;
    }
    auto what = std::move(early.begin()->second);
    early.erase(early.begin());
    ++it->second.delivered;
    take(p, in.connection, std::move(what), now, out);
  }
  check(p);
}

void host::take(peer& p, std::uint64_t c, parcel what, instant now, output& out) {
  std::visit([&](const auto& in) { on(p, c, in, now, out); }, what);
}

// ---- the handshake's decisions

// Another life of the peer is another peer.
bool host::known(peer& p, std::uint64_t c, std::uint32_t life, instant now, output& out) {
  if (life < p.life) return false;
  if (life == p.life) return true;
  session::output did;
  if (p.link) p.link->end(ending::superseded, {}, did);
  std::vector<std::uint64_t> others;
  for (const auto& [other, e] : p.open)
    if (other != c) others.push_back(other);
  for (const auto other : others) shut(p, other, now, out);
  p.life = life;
  p.link.reset();
  p.with.emplace(incarnation_of(self_, life_), incarnation_of(p.who, life));
  return true;
}

void host::start_dial(peer& p, instant now, output& out) {
  const auto c = (std::uint64_t{self_} << 56) | (std::uint64_t{life_} << 32) | ++connections_;
  p.open.emplace(c, connection{.dialed = true, .opened = now});
  p.dialing = c;
  post(p, c, dial{life_}, out);
}

void host::on(peer& p, std::uint64_t c, const dial& in, instant now, output& out) {
  if (!known(p, c, in.life, now, out)) return shut(p, c, now, out);
  const auto mine = p.with->offer(state_of(p));
  p.open.at(c).told = mine.live ? mine.received : 0;
  post(p, c, hello{life_, mine}, out);
}

void host::on(peer& p, std::uint64_t c, const hello& in, instant now, output& out) {
  if (p.dialing != c || !known(p, c, in.life, now, out)) return shut(p, c, now, out);
  const auto did = p.with->choose(in.offered, state_of(p));
  if (const auto* no = std::get_if<refusal>(&did)) {
    post(p, c, *no, out);
    return shut(p, c, now, out, false);
  }
  auto& e = p.open.at(c);
  e.agreed = std::get<choice>(did);
  e.told = e.agreed.received;
  e.peer_received = e.agreed.resumed ? in.offered.received : 0;
  post(p, c, e.agreed, out);
}

void host::on(peer& p, std::uint64_t c, const choice& in, instant now, output& out) {
  if (const auto no = p.with->judge(in, state_of(p))) {
    post(p, c, *no, out);
    return shut(p, c, now, out, false);
  }
  auto& e = p.open.at(c);
  e.agreed = in;
  e.peer_received = in.received;
  if (!in.resumed) e.told = 0;
  if (p.dialing != 0) shut(p, p.dialing, now, out);
  post(p, c, std::monostate{}, out);
  attach(p, c, now, out);
}

void host::on(peer& p, std::uint64_t c, const refusal&, instant now, output& out) {
  shut(p, c, now, out, false);
}

void host::on(peer& p, std::uint64_t c, const std::monostate&, instant now, output& out) {
  auto& e = p.open.at(c);
  const bool resumable = !e.agreed.resumed || (p.link && p.link->live());
  if (p.dialing == c) p.dialing = 0;
  if (!resumable || !p.with->welcomed(e.agreed)) return shut(p, c, now, out);
  attach(p, c, now, out);
}

void host::attach(peer& p, std::uint64_t c, instant now, output& out) {
  const auto e = p.open.at(c);
  if (const auto old = std::exchange(p.in_use, 0); old != 0 && old != c) shut(p, old, now, out);
  session::output did;
  if (!e.agreed.resumed) {
    if (p.link && p.link->live()) p.link->end(ending::superseded, {}, did);
    did = {};
    p.link.emplace(scene_->how, now);
    const auto before = p.id;
    const bool lower = self_ < p.who;
    p.id = {.ends = {std::min(self_, p.who), std::max(self_, p.who)},
            .lives = {lower ? life_ : p.life, lower ? p.life : life_},
            .number = e.agreed.number};
    if (before.lives == p.id.lives && before.number >= p.id.number)
      scene_->complain(claim::numbers, std::to_string(p.id.number) + " again");
    p.stuck = {};
  }
  if (p.id.number != e.agreed.number)
    scene_->complain(claim::numbers, "resumes " + std::to_string(e.agreed.number) + " with " +
                                         std::to_string(p.id.number));
  if (!p.link->attach(now, e.told, e.peer_received, did))
    scene_->complain(claim::honest, "a session is lost");
  p.open.at(c).attached = true;
  p.in_use = c;
  out.events.push_back({e.agreed.resumed ? "link_resumed" : "link_begins", p.who, p.id.number, {}});
}

// ---- the session

void host::on(peer& p, std::uint64_t c, const bytes& in, instant now, output& out) {
  if (p.in_use != c || !p.link) return;
  session::output did;
  p.link->receive(now, *in, did);
  carry_out(p, did, now, out);
}

void host::on(peer& p, std::uint64_t c, const close&, instant now, output& out) {
  shut(p, c, now, out, false);
}

void host::carry_out(peer& p, session::output& did, instant now, output& out) {
  auto& from = receiving(p);
  for (auto& b : did.batches) {
    const auto i = index(b.on);
    const auto bytes = join(std::move(b));
    if (from.got[i] >= from.sent[i].size())
      scene_->complain(claim::in_order, "a batch that was never sent, or twice");
    else if (from.sent[i][from.got[i]++] != bytes)
      scene_->complain(claim::in_order, "batch " + std::to_string(from.got[i]) + " of lane " +
                                            std::to_string(i) + " is another");
    p.link->delivered(b.on, bytes.size() * scene_->swell);
    if (b.on == lane::control) p.link->consumed(b.on, bytes.size() * scene_->swell);
  }
  if (did.broken) {
    out.events.push_back({"link_broken", p.who, p.id.number, std::string{sentence(*did.broken)}});
    if (*did.broken != fault::silence && *did.broken != fault::closed)
      scene_->complain(claim::honest, std::string{sentence(*did.broken)});
    if (p.in_use != 0) shut(p, p.in_use, now, out);
  }
  if (!did.ended) return;
  out.events.push_back({"link_ended", p.who, p.id.number, std::string{sentence(*did.ended)}});
  if (*did.ended == ending::faults || *did.ended == ending::lost)
    scene_->complain(claim::honest, std::string{sentence(*did.ended)});
  if (now >= scene_->quiet_from) scene_->complain(claim::kept, std::string{sentence(*did.ended)});
  if (p.in_use != 0) {
    if (*did.ended == ending::closed_here)
      p.open.at(p.in_use).closing = true;
    else
      shut(p, p.in_use, now, out);
  }
}

void host::lost(member who, std::uint32_t its_life, instant now, output& out) {
  auto& p = peers_.at(who < self_ ? who : who - 1);
  if (p.life != its_life || !p.link) return;
  session::output did;
  p.link->end(ending::downed, {}, did);
  if (p.in_use != 0) shut(p, p.in_use, now, out);
}

// ---- what a node does all day

void host::tick(instant now, output& out) {
  const bool works = now >= work_at_;
  if (works) work_at_ = now + work_every;
  for (auto& p : peers_) {
    std::vector<std::uint64_t> over;
    for (const auto& [c, e] : p.open) {
      const bool gap = !e.early.empty() && now - e.gap_since >= gap_max;
      const bool late = !e.attached && now - e.opened >= greet_within;
      if (gap || late) over.push_back(c);
    }
    for (const auto c : over) shut(p, c, now, out);
    if (p.link && p.link->live()) {
      session::output did;
      p.link->tick(now, did);
      carry_out(p, did, now, out);
    }
    if (works) work(p, now, out);
    check(p);
  }
}

void host::work(peer& p, instant now, output& out) {
  const bool quiet = now >= scene_->faults_until;
  if (p.in_use == 0 && p.dialing == 0 && now >= p.dial_at) {
    p.dial_at = now + chance_.between(dial_after / 4, dial_after);
    start_dial(p, now, out);
  }
  if (!p.link) return;
  if (now < scene_->quiet_from && chance_.below(quiet ? 8 : 2) == 0) say(p);
  if (!quiet && chance_.below(100) == 0)
    p.stuck[static_cast<std::size_t>(chance_.below(4))] ^= true;
  if (quiet) p.stuck = {};
  consume(p, quiet);
  for (auto rounds = 1 + chance_.below(8); rounds > 0 && p.in_use != 0; --rounds)
    write(p, now, out);
  if (quiet || !scene_->drops || p.in_use == 0) return;
  if (chance_.below(100) == 0) return shut(p, p.in_use, now, out);
  if (chance_.below(1000) != 0) return;
  session::output did;
  p.link->end(ending::closed_here, "so it goes", did);
  carry_out(p, did, now, out);
}

void host::say(peer& p) {
  const auto on = lanes[static_cast<std::size_t>(chance_.below(4))];
  constexpr std::array<std::uint64_t, 4> sizes{1, 20, 200, 2000};
  const auto most = on == lane::control ? 400 : chance_.one_of(sizes);
  buffer bytes(1 + static_cast<std::size_t>(chance_.below(most)));
  for (auto& b : bytes) b = static_cast<char>(chance_());
  auto copy = bytes;
  if (p.link->enqueue(on, std::move(bytes)) == enqueued::accepted)
    sending(p).sent[index(on)].push_back(std::move(copy));
}

void host::consume(peer& p, bool everything) {
  for (const auto on : lanes) {
    const auto held = p.link->held(on);
    if (held == 0 || p.stuck[index(on)]) continue;
    p.link->consumed(on, everything ? held : chance_.below(held + 1));
  }
}

void host::write(peer& p, instant now, output& out) {
  if (p.in_use == 0) return;
  const auto c = p.in_use;
  auto& e = p.open.at(c);
  const auto& link = *p.link;
  std::array<std::uint64_t, lane_count> before{};
  for (const auto on : lanes) before[index(on)] = link.granted(on);
  const auto with_socket = e.outbox.size();
  const auto size = p.link->write(now, with_socket, e.outbox);
  const auto most = scene_->how.socket_max + scene_->how.chunk + 14 + 4 * 14;
  if (size > 0 && !e.closing && with_socket + size >= most)
    scene_->complain(claim::bounded, "the socket has " + std::to_string(with_socket + size));
  auto& to = receiving(p);
  for (const auto on : lanes) {
    const auto i = index(on);
    if (on == lane::control || link.granted(on) == before[i]) continue;
    const auto window = scene_->how.window[i];
    const auto room = window > link.held(on) ? window - link.held(on) : 0;
    if (link.granted(on) > link.arrived(on) + room)
      scene_->complain(claim::granted, "lane " + std::to_string(i) + " is granted what is held");
    to.granted[i] = std::max(to.granted[i], link.granted(on));
  }
  while (!e.outbox.empty() && chance_.below(8) != 0) {
    const auto cut =
        std::min<std::size_t>(e.outbox.size(), 1 + static_cast<std::size_t>(chance_.below(400)));
    const auto end = e.outbox.begin() + static_cast<std::ptrdiff_t>(cut);
    post(p, c, std::make_shared<const buffer>(e.outbox.begin(), end), out);
    e.outbox.erase(e.outbox.begin(), end);
  }
  if (!e.closing || !e.outbox.empty()) return;
  post(p, c, close{}, out);
  shut(p, c, now, out, false);
}
}  // namespace troupe::link::simulated
