// One channel over a network that a seed makes lose, repeat and reorder messages, cut and join its ends, restart a side or
// kill it: the promises of patterns/link/channel.hpp, checked after every step.
#include "patterns/link/channel.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include <doctest/doctest.h>

namespace {
using namespace troupe::channel;
using namespace std::chrono_literals;
using to_receiver = std::variant<chunk, closed, failed>;
using to_sender = std::variant<credit, failed>;

struct faults {
  unsigned lost = 0, repeated = 0, reordered = 0, cuts = 0, restarts = 0, deaths = 0,
           flips = 0;  // in a thousand
};

settings small(std::mt19937_64& chance, bool lossy) {
  settings s;
  s.chunk = 1 + chance() % 40;
  s.window = 1 + chance() % 200;
  s.buffer = 1 + chance() % 200;
  if (lossy) s.silence = 100h;
  return s;
}

class world {
 public:
  world(std::uint64_t seed, faults f)
      : chance_{seed}, faults_{f}, settings_{small(chance_, f.lost >= 100)} {
    total_ = pick(20 * settings_.window);
    start_sender();
    start_receiver();
    join();
  }

  void run() {
    for (int step = 0; step < 4000; ++step) act(faults_);
    // no more faults: all must come to an end
    if (!joined_ && !dead_) join();
    for (int step = 0; step < 100'000 && !finished(); ++step) act({});
    CAPTURE(done_);
    CAPTURE(ended_);
    CAPTURE(sender_told_.has_value());
    CAPTURE(receiver_told_.has_value());
    CHECK(finished());
    verdict();
  }
  bool completed() const { return done_ && ended_; }
  bool failed_both() const { return sender_told_ && receiver_told_; }

 private:
  std::size_t pick(std::size_t below) {
    return below == 0 ? 0 : static_cast<std::size_t>(chance_() % below);
  }
  bool happens(unsigned thousandths) { return pick(1000) < thousandths; }
  // A side that was restarted or has died has nobody to tell any more.
  bool finished() const {
    return (done_ || sender_told_ || dead_ == 1) && (ended_ || receiver_told_ || dead_ == 2);
  }

  void start_sender() {
    sender_.emplace(7, 100 + starts_++, settings_, now_);
    drafts_.push_back(std::exchange(written_, {}));
    finished_writing_ = false;
  }
  void start_receiver() {
    receiver_.emplace(7, 200 + starts_++, settings_, now_);
    read_.clear();
    unread_ = 0;
  }
  void join() {
    joined_ = true;
    give(*sender_, attached{});
    take(*receiver_, attached{});
  }
  void cut() {
    joined_ = false;
    forth_.clear();
    back_.clear();
    give(*sender_, detached{});
    take(*receiver_, detached{});
  }

  void act(faults f) {
    if (happens(f.cuts)) joined_ ? cut() : join();
    if (happens(f.restarts) && !dead_) pick(2) ? restart_sender() : restart_receiver();
    if (happens(f.deaths) && !dead_) die();
    switch (pick(7)) {
      case 0:
        return write_some();
      case 1:
        return read_some();
      case 2:
        now_ += instant{pick(400)};
        if (dead_ != 1) give(*sender_, tick{});
        if (dead_ != 2) take(*receiver_, tick{});
        return;
      case 3:
      case 4:
        return deliver(forth_, f, [&](const auto& m) { arrive(m, f); });
      default:
        return deliver(back_, f, [&](const to_sender& m) {
          std::visit(
              [&](const auto& x) {
                if (dead_ != 1) give(*sender_, x);
              },
              m);
        });
    }
  }
  void arrive(to_receiver m, faults f) {
    if (dead_ == 2) return;
    if (auto* c = std::get_if<chunk>(&m); c && !c->data.empty() && happens(f.flips)) {
      c->data[pick(c->data.size())] ^= 1;
      flipped_ = true;
    }
    std::visit([&](const auto& x) { take(*receiver_, x); }, m);
  }
  template <class Queue, class F>
  void deliver(Queue& queue, faults f, F&& hand) {
    if (queue.empty() || !joined_) return;
    const auto at = happens(f.reordered) ? pick(queue.size()) : 0;
    const auto m = queue[at];
    if (!happens(f.repeated)) queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(at));
    if (!happens(f.lost)) hand(m);
  }
  void write_some() {
    if (dead_ == 1 || finished_writing_) return;
    if (written_.size() >= total_) {
      finished_writing_ = true;
      return give(*sender_, finish{});
    }
    if (!sender_->accepts()) return;
    std::string data(1 + pick(100), '\0');
    for (auto& c : data) c = static_cast<char>(chance_());
    written_ += data;
    largest_ = std::max(largest_, data.size());
    give(*sender_, write{data});
  }
  void read_some() {
    if (dead_ == 2 || unread_ == 0) return;
    const auto bytes = 1 + pick(unread_);
    unread_ -= bytes;
    take(*receiver_, consumed{bytes});
  }
  void restart_sender() {
    restarted_ = true;
    if (done_ || sender_told_) return;
    start_sender();
    if (joined_) give(*sender_, attached{});
  }
  void restart_receiver() {
    restarted_ = true;
    if (ended_ || receiver_told_) return;
    start_receiver();
    if (joined_) take(*receiver_, attached{});
  }
  void die() {
    if (finished()) return;
    dead_ = 1 + static_cast<int>(pick(2));
    if (dead_ == 1) take(*receiver_, peer_died{});
    if (dead_ == 2) give(*sender_, peer_died{});
  }

  template <class In>
  void give(sender& s, const In& in) {
    sender::output out;
    s.step(in, now_, out);
    if (joined_) forth_.insert(forth_.end(), out.send.begin(), out.send.end());
    if (out.done) done_ = true;
    if (out.broken) {
      CHECK(!sender_told_);
      CHECK(!done_);
      sender_told_ = out.broken;
    }
    CHECK(s.held() <= settings_.buffer + largest_);
  }
  template <class In>
  void take(receiver& r, const In& in) {
    receiver::output out;
    r.step(in, now_, out);
    if (joined_) back_.insert(back_.end(), out.send.begin(), out.send.end());
    for (const auto& d : out.delivered) {
      CHECK(!ended_);
      CHECK(!receiver_told_);
      read_ += d;
      unread_ += d.size();
    }
    CHECK(read_something(false));
    CHECK(r.held() <= settings_.window);
    if (out.ended) {
      CHECK(!ended_);
      ended_ = true;
      CHECK(read_something(true));
    }
    if (out.broken) {
      CHECK(!receiver_told_);
      CHECK(!ended_);
      receiver_told_ = out.broken;
    }
  }
  // What the receiver has is the beginning, or all, of what one start of the sender has written.
  bool read_something(bool all) const {
    const auto of = [&](const std::string& draft) {
      return all ? read_ == draft : draft.compare(0, read_.size(), read_) == 0;
    };
    return of(written_) || std::any_of(drafts_.begin(), drafts_.end(), of);
  }
  void verdict() {
    if (done_ && dead_ != 2) CHECK(ended_);  // done is never a mistake
    if (done_) CHECK(!receiver_told_);
    if (ended_ && sender_told_) {
      const auto why = sender_told_->why;
      const bool may = why == reason::unknown || why == reason::unreachable ||
                       why == reason::silent || restarted_;
      CHECK(may);
    }
    if (faults_.cuts + faults_.restarts + faults_.deaths + faults_.flips == 0) CHECK(completed());
    if (flipped_ && !ended_) CHECK(receiver_told_);
    // both are honest, and neither is accused of breaking the protocol
    if (sender_told_) CHECK(sender_told_->why != reason::violated);
    if (receiver_told_) CHECK(receiver_told_->why != reason::violated);
  }

  std::mt19937_64 chance_;
  faults faults_;
  settings settings_;
  instant now_{0};
  std::uint64_t starts_ = 0;
  std::optional<sender> sender_;
  std::optional<receiver> receiver_;
  std::vector<to_receiver> forth_;
  std::vector<to_sender> back_;
  std::string written_, read_;
  std::vector<std::string> drafts_;  // of earlier starts
  std::size_t total_ = 0, unread_ = 0, largest_ = 0;
  bool joined_ = false, finished_writing_ = false, done_ = false, ended_ = false,
       restarted_ = false, flipped_ = false;
  int dead_ = 0;  // 1: the sender, 2: the receiver
  std::optional<failure> sender_told_, receiver_told_;
};

// How many of the runs completed.
int run_all(faults f, std::uint64_t more = 0) {
  int completed = 0;
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed + more, f};
    w.run();
    completed += w.completed() ? 1 : 0;
  }
  return completed;
}
}  // namespace

TEST_CASE("channel: without faults every byte arrives once and in order") { run_all({}); }
TEST_CASE("channel: lost, repeated and reordered messages do no harm") {
  run_all({.lost = 100, .repeated = 100, .reordered = 300});
  run_all({.lost = 400, .repeated = 200, .reordered = 500}, 1000);
}
TEST_CASE("channel: sessions that end and come again") {
  CHECK(run_all({.lost = 20, .repeated = 20, .reordered = 50, .cuts = 5}, 2000) > 0);
  run_all({.cuts = 50}, 3000);
}
TEST_CASE("channel: a side that starts anew is a failure of both, or nothing had been lost") {
  run_all({.lost = 50, .repeated = 50, .reordered = 100, .cuts = 5, .restarts = 2}, 4000);
}
TEST_CASE("channel: the death of a side is told to the other") {
  run_all({.lost = 50, .repeated = 50, .reordered = 100, .cuts = 5, .deaths = 2}, 5000);
}
TEST_CASE("channel: changed bytes are found") {
  run_all({.lost = 50, .repeated = 50, .reordered = 100, .flips = 3}, 6000);
}
