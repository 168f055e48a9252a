#include "patterns/election/bully.hpp"

#include <algorithm>
#include <cassert>
namespace troupe::bully {
namespace {
std::uint64_t life_of(const election& m) { return m.life; }
std::uint64_t life_of(const alive& m) { return m.life; }
std::uint64_t life_of(const victory& m) { return m.of.life; }
std::uint64_t life_of(const beat& m) { return m.of.life; }
std::uint64_t life_of(const outdated& m) { return m.life; }

bool plausible(std::uint64_t number) { return number > 0 && number <= number_max; }
bool plausible(server, const election& m) { return plausible(m.number); }
bool plausible(server, const alive& m) { return m.number <= number_max; }
bool plausible(server from, const victory& m) {
  return m.of.leader == from && plausible(m.of.number);
}
bool plausible(server from, const beat& m) { return m.of.leader == from && plausible(m.of.number); }
bool plausible(server, const outdated& m) {
  return plausible(m.number) && m.follows.number <= m.number;
}
}  // namespace

elector::elector(const options& how, server self, server members, std::uint64_t life,
                 std::uint64_t known)
    : how_{how}, self_{self}, life_{life}, peers_(members), number_{known} {
  assert(self < members && life > 0);
}

void elector::step(const input& in, instant now, output& out) {
  std::visit([&](const auto& event) { on(event, now, out); }, in);
}

void elector::on(const start&, instant now, output& out) { stand(number_ + 1, now, out); }

void elector::on(const received& in, instant now, output& out) {
  if (in.from == self_ || in.from >= peers_.size()) return;
  std::visit(
      [&](const auto& m) {
        if (!plausible(in.from, m) || outlived(in.from, life_of(m), now, out)) return;
        hear(in.from, m, now, out);
      },
      in.what);
}

// True if that life is known to be over. The first word of a new one tells that its leadership, and
// what it had answered, are gone.
bool elector::outlived(server from, std::uint64_t life, instant now, output& out) {
  auto& p = peers_[from];
  if (life < p.life || (life == p.life && p.gone)) return true;
  if (life == p.life) return false;
  p = {.life = life, .asked = p.asked};
  if (role_ == role::following && accepted_.leader == from) listen(now, out);
  if (role_ == role::waiting && !any(&peer::answered)) stand(number_ + 1, now, out);
  return false;
}

void elector::on(const lost& in, instant now, output& out) {
  if (in.peer == self_ || in.peer >= peers_.size() || in.life < peers_[in.peer].life) return;
  peers_[in.peer] = {.life = in.life, .gone = true};
  const bool led = role_ == role::following && accepted_.leader == in.peer;
  const bool answered = role_ == role::waiting && !any(&peer::answered);
  if (led || answered) return stand(number_ + 1, now, out);
  if (role_ == role::asking && !any(&peer::asked)) lead(how_.keep_incumbent, now, out);
}

void elector::on(const back& in, instant now, output& out) {
  if (in.peer == self_ || in.peer >= peers_.size()) return;
  auto& p = peers_[in.peer];
  if (in.life == p.life ? !p.gone : outlived(in.peer, in.life, now, out)) return;  // nothing new
  p.gone = false;
  if (role_ == role::leading) send(in.peer, beat{accepted_}, &counts::beat, out);
}

void elector::on(const tick&, instant now, output& out) {
  if (now < deadline_) return;
  switch (role_) {
    case role::listening:
    case role::following:
    case role::waiting:
      return stand(number_ + 1, now, out);
    case role::asking:
      return lead(how_.keep_incumbent, now, out);
    case role::leading:
      deadline_ = now + how_.beat;
      for (server s = 0; s < peers_.size(); ++s)
        if (s != self_) send(s, beat{accepted_}, &counts::beat, out);
      return;
  }
}

void elector::hear(server from, const election& in, instant now, output& out) {
  if (above(from) && !how_.keep_incumbent) return;  // it asks nobody below itself
  const bool over = in.number <= accepted_.number;
  raise(in.number);
  if (role_ == role::leading) {
    if (over) return send(from, victory{accepted_}, &counts::victory, out);
    return lead_on(number_, now, out);
  }
  const bool led = role_ == role::following && now < deadline_;
  if (above(from) && !led) return;
  send(from, alive{in.number, in.life, life_, number_}, &counts::alive, out);
  if (above(from) || over || (led && how_.keep_incumbent)) return;
  if (role_ == role::asking || role_ == role::waiting) return;
  stand(number_, now, out);
}

void elector::hear(server from, const alive& in, instant now, output&) {
  if (in.asking_life != life_ || in.asked != asked_ || !peers_[from].asked) return;
  if (role_ != role::asking && role_ != role::waiting) return;
  raise(in.number);
  peers_[from].answered = true;
  if (role_ == role::waiting) return;
  role_ = role::waiting;
  deadline_ = now + how_.victory;
}

void elector::hear(server from, const victory& in, instant now, output& out) {
  announced(from, in.of, now, out);
}

void elector::hear(server from, const beat& in, instant now, output& out) {
  announced(from, in.of, now, out);
}

void elector::announced(server from, const term& of, instant now, output& out) {
  if (!above(from) && !how_.keep_incumbent) return announced_from_below(from, of, now, out);
  const bool second = of.number == accepted_.number && !(of == accepted_);
  if (of.number < number_ || second) return contradict(from, of, now, out);
  follow(of, now, out);
}

// The paper's takeover: nobody leads who is below somebody that lives.
void elector::announced_from_below(server from, const term& of, instant now, output& out) {
  switch (role_) {
    case role::leading:
      if (of.number < accepted_.number)
        return send(from, victory{accepted_}, &counts::victory, out);
      raise(of.number);
      return lead_on(number_ + 1, now, out);
    case role::asking:
    case role::waiting:
      return raise(of.number + 1);  // what it will win under is above
    case role::following:
      if (of.number < number_ || of.number == accepted_.number)
        return contradict(from, of, now, out);
      return raise(of.number);  // its leader will hear of that, and lead on above it
    case role::listening:
      raise(of.number);
      return stand(number_ + 1, now, out);
  }
}

void elector::contradict(server from, const term& of, instant now, output& out) {
  if (role_ != role::leading) {
    const bool knows = role_ == role::following && accepted_.number == number_;
    return send(from, outdated{of, number_, knows ? accepted_ : term{}, life_}, &counts::outdated,
                out);
  }
  // two of one number: the higher leads on, and the lower makes it
  if (of.number == accepted_.number && !above(from)) return lead_on(number_ + 1, now, out);
  send(from, victory{accepted_}, &counts::victory, out);
}

void elector::hear(server, const outdated& in, instant now, output& out) {
  if (role_ != role::leading || !(in.of == accepted_)) return;
  raise(in.number);
  const bool another = in.follows.number > 0 && in.follows.leader != self_;
  const bool yields = how_.keep_incumbent ? accepted_ < in.follows : above(in.follows.leader);
  if (another && yields) return listen(now, out);
  lead_on(std::max(number_, std::max(accepted_.number, in.follows.number) + 1), now, out);
}

void elector::stand(std::uint64_t number, instant now, output& out) {
  leaderless(out);
  raise(
      std::max(number, asked_ + 1));  // what was said to an earlier one of its own is none to this
  asked_ = number_;
  for (server s = 0; s < peers_.size(); ++s) {
    auto& p = peers_[s];
    p.answered = false;
    p.asked = s != self_ && !p.gone && (above(s) || how_.keep_incumbent);
    if (p.asked) send(s, election{asked_, life_}, &counts::election, out);
  }
  role_ = role::asking;
  deadline_ = now + how_.answer;
  if (!any(&peer::asked)) lead(how_.keep_incumbent, now, out);
}

void elector::lead(bool tell_all, instant now, output& out) {
  assert(number_ > accepted_.number);
  accepted_ = {number_, self_, life_};
  role_ = role::leading;
  deadline_ = now + how_.beat;
  for (server s = 0; s < peers_.size(); ++s)
    if (s != self_ && !peers_[s].gone && (tell_all || !above(s)))
      send(s, victory{accepted_}, &counts::victory, out);
  out.events.push_back(leads{self_, accepted_});
}

void elector::lead_on(std::uint64_t number, instant now, output& out) {
  raise(number);
  lead(true, now, out);
}

void elector::follow(const term& of, instant now, output& out) {
  const bool known = role_ == role::following && of == accepted_;
  raise(of.number);
  accepted_ = of;
  role_ = role::following;
  deadline_ = now + how_.silence;
  if (!known) out.events.push_back(leads{of.leader, of});
}

void elector::listen(instant now, output& out) {
  leaderless(out);
  role_ = role::listening;
  deadline_ = now + how_.silence;
}

bool elector::any(bool peer::*what) const {
  return std::any_of(peers_.begin(), peers_.end(), [&](const peer& p) { return p.*what; });
}

void elector::raise(std::uint64_t number) { number_ = std::max(number_, number); }

void elector::leaderless(output& out) {
  if (leader() != nullptr) out.events.push_back(looking{});
}

template <class Message>
void elector::send(server to, Message what, std::uint64_t counts::*counted, output& out) {
  ++(sent_.*counted);
  out.send.push_back({to, std::move(what)});
}

std::string elector::digest() const {
  std::string all = to_string(role_) + ' ' + std::to_string(number_) + ' ' +
                    std::to_string(asked_) + ' ' + to_string(accepted_) + ' ' +
                    std::to_string(deadline_.count());
  for (const auto& p : peers_) {
    all += ' ' + std::to_string(p.life);
    for (const bool b : {p.gone, p.asked, p.answered}) all += b ? '1' : '0';
  }
  return all;
}
}  // namespace troupe::bully
