#include "patterns/mutex/mutex.hpp"

#include "patterns/mutex/centralised.hpp"
#include "patterns/mutex/ricart_agrawala.hpp"
#include "patterns/mutex/token_ring.hpp"

#include <algorithm>
#include <utility>
namespace troupe::mutex {
member::member(const place& where) : seen_(where.seen), where_(where), peers_(where.members) {}

void member::command(const acquire& c, instant now, output& out) {
  if (phase_ != phase::idle) return out.told.push_back(refused{refusal::already_pending});
  phase_ = phase::waiting;
  ++number_;
  above_ = c.above;
  on_acquire(now, out);
}

void member::command(const release&, instant now, output& out) {
  if (phase_ == phase::idle) return out.told.push_back(refused{refusal::not_pending});
  const auto was = std::exchange(phase_, phase::idle);
  on_release(was == phase::holding, now, out);
}

// The lost have no voice until they are back; a life that has ended never has one again.
void member::receive(server from, const message& m, instant now, output& out) {
  if (from >= members() || from == self() || m.life == 0) return;
  if (m.to_life != 0 && m.to_life != where_.life) return;
  if (m.life < peers_[from].life) return;
  if (m.life > peers_[from].life) meet(from, m.life, now, out);
  if (peers_[from].live) on_message(from, m.what, now, out);
}

void member::back(server s, std::uint32_t its_life, instant now, output& out) {
  if (s >= members() || s == self() || its_life < peers_[s].life) return;
  if (its_life > peers_[s].life) return meet(s, its_life, now, out);
  if (std::exchange(peers_[s].live, true)) return;
  on_back(s, now, out);
}

void member::lost(server s, std::uint32_t its_life, instant now, output& out) {
  if (s >= members() || s == self() || its_life < peers_[s].life) return;
  peers_[s].life = its_life;
  if (std::exchange(peers_[s].live, false)) on_lost(s, now, out);
}

// Another life is the end of the one before.
void member::meet(server s, std::uint32_t its_life, instant now, output& out) {
  auto& p = peers_[s];
  const bool first = std::exchange(p.life, its_life) == 0 && p.live;
  if (first) return;
  if (std::exchange(p.live, false)) on_lost(s, now, out);
  p.live = true;
  on_back(s, now, out);
}

server member::lowest() const {
  for (server s = 0; s < self(); ++s)
    if (live(s)) return s;
  return self();
}

void member::send(server to, body what, output& out) const {
  out.send.push_back({to, {where_.life, peers_[to].life, std::move(what)}});
}

std::uint64_t member::draw(output& out) {
  seen_ = (seen_ / members() + 1) * members() + self();
  out.persist = seen_;
  return seen_;
}

void member::enter(std::uint64_t fence, output& out) {
  phase_ = phase::holding;
  fence_ = fence;
  out.told.push_back(granted{fence});
}

void member::lose(output& out) {
  phase_ = phase::idle;
  out.told.push_back(mutex::lost{fence_});
}

void member::deny(output& out) {
  phase_ = phase::idle;
  out.told.push_back(refused{refusal::busy});
}

std::string member::digest() const {
  std::string all;
  encode_to(all, phase_);
  for (const auto n : {number_, above_, fence_, seen_}) encode_to(all, n);
  for (const auto& p : peers_) {
    encode_to(all, p.life);
    encode_to(all, p.live);
  }
  return all + inner();
}

const std::vector<algorithm>& algorithms() {
  using n_of = std::uint32_t;
  static const std::vector<algorithm> all{
      {"centralised", "one at a time, in the order in which requests reach the coordinator",
       "the holder's frees it; the coordinator's costs a question to all before the next grant",
       "of the holder: given up and fenced; of the coordinator: the next one takes over",
       "a coordinator, and maybe a holder, on each side; fenced",
       "3: request, grant, release; 0 for the coordinator itself", [](n_of) -> n_of { return 3; },
       [](n_of) -> n_of { return 3; }},
      {"ricart-agrawala", "one at a time, in the order of the requests' Lamport times",
       "who has crashed is passed over once the detector says so; until then nobody enters",
       "everybody waits for whoever is paused until it is passed over; fenced",
       "each side passes the other over, and may have a holder; fenced",
       "2(n-1): a request to and a reply from every other",
       [](n_of n) -> n_of { return 2 * (n - 1); }, [](n_of n) -> n_of { return 2 * (n - 1); }},
      {"token-ring", "one at a time, who waits is served within a circuit of the token",
       "a token that went with it is replaced once all that live have been asked; the ring closes",
       "of the holder: its token is replaced, and void by its generation; fenced",
       "a token, and maybe a holder, on each side; fenced",
       "1 to n: 1 if everybody wants to enter, n from a token at rest",
       [](n_of) -> n_of { return 1; }, [](n_of n) -> n_of { return n; }},
  };
  return all;
}

std::unique_ptr<member> make(std::string_view name, const place& where) {
  if (name == "centralised") return std::make_unique<centralised>(where);
  if (name == "ricart-agrawala") return std::make_unique<ricart_agrawala>(where);
  if (name == "token-ring") return std::make_unique<token_ring>(where);
  return nullptr;
}
}  // namespace troupe::mutex
