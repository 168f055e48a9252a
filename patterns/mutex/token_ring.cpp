#include "patterns/mutex/token_ring.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
namespace troupe::mutex {
namespace {
constexpr std::uint64_t hops_max = 0xffffff00U;
bool newer(const token& a, const token& b) {
  return std::pair{a.generation, a.hop} > std::pair{b.generation, b.hop};
}
}  // namespace

// A monitor asks as soon as it runs: it cannot know whether there was a token.
token_ring::token_ring(const place& where)
    : member(where),
      rest_until_(instant::max()),
      heard_(where.now - where.how.overdue),
      again_(where.now),
      asked_(where.members),
      void_from_(where.members) {}

void token_ring::on_acquire(instant now, output& out) {
  again_ = now + how().retry;
  if (has_) return take(now, out);
  if (!moving_) send_for(out);
}

void token_ring::on_release(bool was_inside, instant now, output& out) {
  if (was_inside) pass_on(now, out);
}

void token_ring::on_message(server from, const body& what, instant now, output& out) {
  std::visit([&](const auto& m) { on(from, m, now, out); }, what);
}

void token_ring::on(server from, const token& m, instant now, output& out) {
  if (!newer(m, token_) || m.generation < promised_) return;
  if (life_of(from) <= void_from_[from] && m.generation != answered_) return;
  if (phase_ == phase::holding) lose(out);
  token_ = m;
  promised_ = m.generation;
  saw(m.generation);
  census_.reset();
  has_ = true;
  take(now, out);
}

void token_ring::take(instant now, output& out) {
  heard_ = now;
  rest_until_ = instant::max();
  if (std::exchange(wanted_, false)) token_.idle = 0;
  if (phase_ == phase::waiting) {
    token_.idle = 0;
    if (above_ > 0 && fence_here() <= above_) {
      saw(above_ >> 32U);
      renumber(out);
    }
    return enter(fence_here(), out);
  }
  if (token_.idle < members()) return pass_on(now, out);
  const auto circuits = std::min<std::uint32_t>(token_.idle / members() - 1, 20);
  rest_until_ = now + std::min<duration>(how().rest_min * (1U << circuits), how().rest_max);
}

// One that is alone keeps it, and so does one that does not know yet in which life its successor is.
void token_ring::pass_on(instant now, output& out) {
  if (token_.hop >= hops_max) renumber(out);
  ++token_.hop;
  const auto next = successor();
  rest_until_ = instant::max();
  if (next == self() || life_of(next) == 0) {
    if (next != self()) rest_until_ = now + how().rest_min;
    return;
  }
  moving_ = token_.idle == 0;
  ++token_.idle;
  has_ = false;
  heard_ = now;
  send(next, token_, out);
}

// The token goes on in a generation of its possessor's own: no two are ever the same.
void token_ring::renumber(output& out) {
  saw(promised_);
  token_.generation = promised_ = draw(out);
  token_.hop = 0;
}

server token_ring::successor() const {
  for (std::uint32_t step = 1; step < members(); ++step) {
    const server s = (self() + step) % members();
    if (live(s)) return s;
  }
  return self();
}

void token_ring::send_for(output& out) {
  if (const auto next = successor(); next != self()) send(next, want{self()}, out);
}

// Who waits itself will have the token, and passes it on as one that is wanted.
void token_ring::on(server, const want& m, instant now, output& out) {
  if (m.origin >= members() || m.origin == self()) return;
  if (has_) {
    token_.idle = 0;
    if (phase_ != phase::holding) pass_on(now, out);
    return;
  }
  wanted_ = true;
  // not past its origin, which may be dead to some: it would go round for ever
  const auto ahead = [&](server s) { return (s + members() - self()) % members(); };
  const auto next = successor();
  if (phase_ != phase::waiting && next != self() && ahead(next) < ahead(m.origin))
    send(next, m, out);
}

// A new number, and everybody's word that no token of a lower one will be used.
void token_ring::count(instant now, output& out) {
  saw(promised_);
  census_ = promised_ = draw(out);
  again_ = now + how().retry;
  asked_.assign(members(), false);
  each_live_peer([&](server s) { question(s, out); });
  conclude(now, out);
}

void token_ring::question(server s, output& out) {
  asked_[s] = true;
  census c{*census_, {}};
  for (server dead = 0; dead < members(); ++dead)
    if (!live(dead)) c.without.push_back({dead, life_of(dead)});
  send(s, std::move(c), out);
}

void token_ring::on(server from, const census& m, instant now, output& out) {
  if (m.generation > promised_) {
    promised_ = m.generation;
    saw(m.generation);
    answered_ = m.generation;
    void_from_.assign(members(), 0);
    for (const auto& dead : m.without)
      if (dead.whose < members()) void_from_[dead.whose] = dead.life;
    census_.reset();
    heard_ = std::max(heard_, now + how().retry - how().overdue);
    if (has_) renumber(out);
  }
  answer a{m.generation, promised_, token_.generation >= m.generation, {}};
  for (server s = 0; s < members(); ++s)
    if (s != from && s != self()) a.lives.push_back({s, life_of(s)});
  send(from, std::move(a), out);
}

void token_ring::on(server from, const answer& m, instant now, output& out) {
  saw(m.promised);
  for (const auto& l : m.lives)  // one that has begun anew has forgotten its promise
    if (l.whose < members() && l.life > life_of(l.whose)) back(l.whose, l.life, now, out);
  if (census_ != m.generation) return;
  if (m.exists) {
    census_.reset();
    heard_ = now;
  } else if (m.promised > m.generation) {
    count(now, out);
  } else {
    asked_[from] = false;
    conclude(now, out);
  }
}

void token_ring::conclude(instant now, output& out) {
  if (!census_ || promised_ != *census_) return;
  for (server s = 0; s < members(); ++s)
    if (asked_[s]) return;
  token_ = {*std::exchange(census_, {}), 0, 0};
  has_ = true;
  take(now, out);
}

instant token_ring::due() const {
  if (has_) return phase_ == phase::holding ? instant::max() : rest_until_;
  auto first = instant::max();
  if (phase_ == phase::waiting || census_) first = again_;
  if (monitors() && !census_) first = std::min(first, heard_ + how().overdue);
  return first;
}

void token_ring::on_tick(instant now, output& out) {
  if (now < due()) return;
  if (has_) return pass_on(now, out);
  if (monitors() && !census_ && now >= heard_ + how().overdue) return count(now, out);
  if (now < again_) return;
  again_ = now + how().retry;
  if (census_) {
    for (server s = 0; s < members(); ++s)
      if (asked_[s]) question(s, out);
  }
  if (phase_ == phase::waiting) send_for(out);
}

// The token may have gone with it.
void token_ring::on_lost(server peer, instant now, output& out) {
  asked_[peer] = false;
  moving_ = false;
  if (!has_ && monitors()) count(now, out);
}

void token_ring::on_back(server peer, instant now, output& out) {
  if (has_ && phase_ != phase::holding && rest_until_ == instant::max())
    rest_until_ = now + how().rest_min;  // it was alone
  if (!monitors()) {
    census_.reset();
  } else if (census_) {
    question(peer, out);
  }
}

std::string token_ring::inner() const {
  return encode(std::tie(has_, token_, promised_, moving_, wanted_, rest_until_, heard_, again_,
                         census_, asked_, answered_, void_from_));
}
}  // namespace troupe::mutex
