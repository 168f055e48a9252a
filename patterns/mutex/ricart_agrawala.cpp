#include "patterns/mutex/ricart_agrawala.hpp"

#include <algorithm>
#include <utility>
namespace troupe::mutex {
ricart_agrawala::ricart_agrawala(const place& where) : member(where), others_(where.members) {}

// draw() is Lamport's clock with the member's number in its last digit: (time, id) in one.
void ricart_agrawala::on_acquire(instant now, output& out) {
  saw(above_);
  mine_ = {draw(out) / members(), self()};
  for (auto& o : others_) o.replied = false;
  again_ = now + how().retry;
  ask_the_silent(out);
  enter_if_all(out);  // alone
}

void ricart_agrawala::on_release(bool, instant, output& out) {
  for (server s = 0; s < members(); ++s)
    if (const auto number = std::exchange(others_[s].deferred, 0))
      send(s, reply{number, passed_}, out);
}

void ricart_agrawala::on_message(server from, const body& what, instant, output& out) {
  std::visit([&](const auto& m) { on(from, m, out); }, what);
}

void ricart_agrawala::on(server from, const ask& m, output& out) {
  auto& o = others_[from];
  if (m.number < o.asked || m.when.id != from) return;
  o.asked = m.number;
  saw(fence_of(m.when));
  if (phase_ == phase::holding || (phase_ == phase::waiting && mine_ < m.when)) {
    o.deferred = m.number;
  } else {
    send(from, reply{m.number, passed_}, out);
  }
}

void ricart_agrawala::on(server from, const reply& m, output& out) {
  saw(m.passed);
  passed_ = std::max(passed_, m.passed);
  if (phase_ != phase::waiting || m.number != number_) return;
  others_[from].replied = true;
  enter_if_all(out);
}

// It was taken for dead meanwhile: what it holds, or could have, has gone to others.
void ricart_agrawala::on(server, const overtaken& m, output& out) {
  saw(m.passed);
  passed_ = std::max(passed_, m.passed);
  if (phase_ != phase::holding || fence_ >= m.passed) return;
  lose(out);
  on_release(true, {}, out);
}

void ricart_agrawala::ask_the_silent(output& out) {
  each_live_peer([&](server s) {
    if (!others_[s].replied) send(s, ask{number_, mine_}, out);
  });
}

// The request's time is the fence, unless a later one has been inside: that of a member which had forgotten the times that
// it had heard of in a life before.
void ricart_agrawala::enter_if_all(output& out) {
  if (phase_ != phase::waiting) return;
  bool all = true;
  each_live_peer([&](server s) { all = all && others_[s].replied; });
  if (!all) return;
  auto fence = fence_of(mine_);
  if (fence < passed_) {
    saw(passed_);
    fence = draw(out);
  }
  passed_ = fence;
  enter(fence, out);
}

void ricart_agrawala::on_tick(instant now, output& out) {
  if (now < due()) return;
  again_ = now + how().retry;
  ask_the_silent(out);
}

void ricart_agrawala::on_lost(server peer, instant, output& out) {
  others_[peer] = {};
  enter_if_all(out);
}

void ricart_agrawala::on_back(server peer, instant, output& out) {
  if (passed_ > 0) send(peer, overtaken{passed_}, out);
  if (phase_ == phase::waiting) send(peer, ask{number_, mine_}, out);
}

std::string ricart_agrawala::inner() const {
  std::string all = encode(std::tie(mine_, passed_, again_));
  for (const auto& o : others_) encode_to(all, std::tie(o.asked, o.deferred, o.replied));
  return all;
}
}  // namespace troupe::mutex
