#include "patterns/mutex/centralised.hpp"

#include <algorithm>
#include <utility>
namespace troupe::mutex {
centralised::centralised(const place& where)
    : member(where), again_(where.now), clients_(where.members) {}

void centralised::on_acquire(instant now, output& out) {
  time_ = seen_;
  again_ = now + how().retry;
  if (leads_) {
    note(self(), mine(), state::waiting, 0, out);
    return settle(out);
  }
  if (lowest() == self()) return begin(now, out);
  send(lowest(), mine(), out);
}

void centralised::on_release(bool, instant, output& out) {
  if (leads_) {
    note(self(), mine(), state::done, 0, out);
    return settle(out);
  }
  if (lowest() != self()) send(lowest(), released{number_}, out);
}

void centralised::on_message(server from, const body& what, instant now, output& out) {
  std::visit([&](const auto& m) { on(from, m, now, out); }, what);
}

void centralised::on(server from, const request& m, instant, output& out) {
  if (!leads_) return;  // it asks again, whoever it then takes for the coordinator
  note(from, m, state::waiting, 0, out);
  settle(out);
}

void centralised::on(server from, const released& m, instant, output& out) {
  if (!leads_) return;
  note(from, {m.number}, state::done, 0, out);
  settle(out);
}

void centralised::on(server from, const grant& m, instant, output& out) {
  if (m.epoch < epoch_) return send(from, status_now(m.epoch), out);  // it does not know
  epoch_ = m.epoch;
  saw(m.fence);
  if (m.number == number_ && phase_ == phase::holding) return;
  if (m.number == number_ && phase_ == phase::waiting) return enter(m.fence, out);
  send(from, released{m.number}, out);  // given up, and that word was lost
}

void centralised::on(server, const denied& m, instant, output& out) {
  if (m.number == number_ && phase_ == phase::waiting) deny(out);
}

void centralised::on(server, const withdrawn& m, instant, output& out) {
  if (m.number == number_ && phase_ == phase::holding) lose(out);
}

void centralised::on(server from, const who& m, instant now, output& out) {
  if (m.epoch > epoch_) {
    epoch_ = m.epoch;
    saw(m.epoch);
    stop();
    again_ = now + how().retry;
  }
  send(from, status_now(m.epoch), out);
}

void centralised::on(server from, const status& m, instant now, output& out) {
  saw(m.seen);
  if (m.epoch > epoch_) {
    if (leads_) begin(now, out);
    return;
  }
  if (!leads_ || m.asked != epoch_) return;
  clients_[from].asked = false;
  const auto as = m.as == phase::idle      ? state::done
                  : m.as == phase::waiting ? state::waiting
                                           : state::holding;
  note(from, m.last, as, m.fence, out);
  settle(out);
}

// A coordinator anew, that knows nothing before it has asked.
void centralised::begin(instant now, output& out) {
  stop();
  leads_ = true;
  epoch_ = draw(out);
  last_ = 0;
  again_ = now + how().retry;
  each_live_peer([&](server s) { question(s, out); });
  if (phase_ == phase::holding)
    note(self(), mine(), state::holding, fence_, out);
  else if (phase_ == phase::waiting)
    note(self(), mine(), state::waiting, 0, out);
  settle(out);
}

void centralised::stop() {
  leads_ = sorted_ = false;
  clients_.assign(members(), {});
  queue_.clear();
  holder_.reset();
}

void centralised::question(server s, output& out) {
  clients_[s].asked = true;
  send(s, who{epoch_}, out);
}

bool centralised::gathering() const {
  for (server s = 0; s < members(); ++s)
    if (clients_[s].asked) return true;
  return false;
}

// What is known of a request only goes forward: waiting, holding, done.
void centralised::note(server s, const request& last, state as, std::uint64_t fence, output& out) {
  auto& c = clients_[s];
  if (last.number < c.last.number) return;
  if (last.number == c.last.number && as <= c.as) {
    if (as == state::waiting && c.as == state::holding && holder_ == s && s != self())
      send(s, grant{c.last.number, epoch_, c.fence}, out);  // it was lost
    if (as == state::waiting && c.as == state::done && how().deny && s != self())
      send(s, denied{c.last.number}, out);
    if (as == state::holding && c.as == state::done) withdraw(s, out);  // so was that
    return;
  }
  leave(s);
  c.last = last;
  c.as = as;
  c.fence = fence;
  if (as == state::waiting) {
    queue_.push_back(s);
  } else if (as == state::holding) {
    holds(s, out);
  }
}

// Of two that were granted by two coordinators, or that were given up too early, the later one stays.
void centralised::holds(server s, output& out) {
  if (clients_[s].fence < last_) return withdraw(s, out);
  if (holder_) withdraw(*holder_, out);
  holder_ = s;
  last_ = clients_[s].fence;
}

void centralised::withdraw(server s, output& out) {
  clients_[s].as = state::done;
  if (s == self())
    lose(out);
  else
    send(s, withdrawn{clients_[s].last.number}, out);
}

void centralised::leave(server s) {
  std::erase(queue_, s);
  if (holder_ == s) holder_.reset();
}

void centralised::settle(output& out) {
  if (!leads_ || gathering()) return;
  if (!sorted_) {
    std::stable_sort(queue_.begin(), queue_.end(), [&](server a, server b) {
      return std::pair{clients_[a].last.time, a} < std::pair{clients_[b].last.time, b};
    });
    sorted_ = true;
  }
  if (!holder_ && !queue_.empty()) hand(queue_.front(), out);
  if (!how().deny) return;
  for (const auto s : queue_) {
    clients_[s].as = state::done;
    if (s == self())
      member::deny(out);
    else
      send(s, denied{clients_[s].last.number}, out);
  }
  queue_.clear();
}

void centralised::hand(server s, output& out) {
  queue_.erase(queue_.begin());
  auto& c = clients_[s];
  saw(c.last.above);
  c.as = state::holding;
  c.fence = last_ = draw(out);
  holder_ = s;
  if (s == self())
    enter(c.fence, out);
  else
    send(s, grant{c.last.number, epoch_, c.fence}, out);
}

instant centralised::due() const {
  const bool first = lowest() == self();
  const bool doubts = (!queue_.empty() || how().deny) && holder_ && *holder_ != self();
  const bool acts = first ? !leads_ || gathering() || doubts : phase_ == phase::waiting;
  return acts ? again_ : instant::max();
}

void centralised::on_tick(instant now, output& out) {
  if (now < due()) return;
  again_ = now + how().retry;
  if (lowest() != self()) return send(lowest(), mine(), out);
  if (!leads_) return begin(now, out);
  for (server s = 0; s < members(); ++s)
    if (clients_[s].asked) question(s, out);
  if (!gathering() && holder_ && *holder_ != self())
    send(*holder_, who{epoch_}, out);  // its release may have been lost
}

void centralised::on_lost(server peer, instant now, output& out) {
  if (!leads_) {
    if (lowest() == self()) begin(now, out);
    return;
  }
  leave(peer);
  clients_[peer] = {};
  settle(out);
}

void centralised::on_back(server peer, instant now, output& out) {
  again_ = std::min(again_, now + how().retry);
  if (lowest() == peer && epoch_ > 0 && epoch_ % members() != peer)
    send(peer, status_now(0), out);  // it may take itself for the coordinator that it was
  if (!leads_) return;
  if (lowest() != self()) return stop();
  question(peer, out);
}

std::string centralised::inner() const {
  std::string all =
      encode(std::tie(epoch_, time_, again_, leads_, sorted_, queue_, holder_, last_));
  for (const auto& c : clients_) encode_to(all, std::tie(c.last, c.as, c.fence, c.asked));
  return all;
}
}  // namespace troupe::mutex
