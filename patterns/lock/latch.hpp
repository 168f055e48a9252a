// A count-down latch on a store of locks: one operation on it, from its wish to its end.
// Source: D. Lea, JSR 166, java.util.concurrent.CountDownLatch; Redisson's RCountDownLatch, among processes.
// Its line, "latch:NAME", has places that stand until they are left (store.hpp):
//   count      its capacity is the number to count from; who stands first has set it
//   down-T-ID  one that has counted, under the ticket T of the count: after a reset it counts no more
//   gate       awaited by who waits; whoever sees the count at zero takes it away
// All of them are shared: none stands in another's way, for whoever looks for deadlocks.
//   Promises  a count is set once, until it is reset; an id counts once, however often it is asked, and its count outlives it
//             who waits is told once as many ids have counted, at the latest after `recheck` if the last one died before it
//             could take the gate away
//             unknown only where the store did not answer: asked again under the same id, it counts once
//   Beware    a reset is not one step: who counts or waits meanwhile is told of it, or of the count that is set next
//   Costs     set: 1 request; count down: 2, the last 3; await: 4; look: 1; reset: 1 and one a place. The store keeps a place
//             for each id until the reset
#pragma once
#include "patterns/lock/holder.hpp"

#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>
namespace troupe::lock {
struct latch_set {
  std::string name{};
  std::uint32_t count = 1;
};
struct latch_count_down {
  std::string name{};
  std::string id{};  // whose count it is
};
struct latch_await {
  std::string name{};
  std::chrono::milliseconds wait{-1};  // below 0: for as long as it takes
};
struct latch_look {
  std::string name{};
};
struct latch_reset {
  std::string name{};
};
TROUPE_MESSAGE(latch_set, name, count)
TROUPE_MESSAGE(latch_count_down, name, id)
TROUPE_MESSAGE(latch_await, name, wait)
TROUPE_MESSAGE(latch_look, name)
TROUPE_MESSAGE(latch_reset, name)
using latch_wish = std::variant<latch_set, latch_count_down, latch_await, latch_look, latch_reset>;

enum class latch_end : std::uint8_t { done, timed_out, refused, unknown };
TROUPE_ENUM(latch_end, done, timed_out, refused, unknown)
// What its line says.
struct latch_state {
  std::uint64_t ticket = 0;  // of its count; 0: it has none
  std::uint32_t count = 0, left = 0;
  std::vector<std::string> counted{};  // the ids, in the order in which they have
  bool gate = false;                   // somebody waits, or has
};
TROUPE_MESSAGE(latch_state, ticket, count, left, counted, gate)
latch_state latch_of(const line& all);
std::string text_of_left(const latch_state& is);  // 2 of 3 left

struct latch_ended {
  latch_end how{};
  latch_state is{};        // as it was last seen
  std::string sentence{};  // unless it is done
};
TROUPE_MESSAGE(latch_ended, how, is, sentence)
struct latch_output {
  std::vector<ask> asks{};
  std::optional<latch_ended> ended{};
};
struct latch_settings {
  duration retry = std::chrono::milliseconds{200};  // after a store that did not answer
  duration patience = std::chrono::seconds{10};     // with it
  duration recheck = std::chrono::seconds{5};
};

class latch {
 public:
  explicit latch(latch_wish what, latch_settings how = {});
  void begin(instant now, latch_output& out);
  void answered(const lock::answered& in, instant now, latch_output& out);
  void tick(instant now, latch_output& out);
  instant due() const;

 private:
  enum class stage {
    looking,
    setting,
    counting,
    gating,
    waiting,
    opening,
    undoing,
    clearing,
    over
  };
  void looked(const line& all, instant now, latch_output& out);
  void has_stood(const stood& s, instant now, latch_output& out);
  void ask_for(stage what, wish w, latch_output& out);
  void put(latch_output& out);
  void stand_as(stage what, std::string id, std::uint32_t count, latch_output& out);
  void leave(stage what, std::string id, latch_output& out);
  void clear_next(latch_output& out);
  void end(latch_end how, std::string sentence, latch_output& out);
  void none_set(latch_output& out);

  latch_wish what_;
  latch_settings how_;
  std::string name_, line_;
  stage at_ = stage::looking;
  wish asked_{};  // last
  std::uint64_t numbers_ = 0, awaited_ = 0;
  std::uint64_t count_ticket_ = 0;  // that it has seen first
  latch_state is_{};                // that it has seen last
  std::deque<std::string> to_clear_{};
  instant until_ = instant::max(), again_ = instant::max();
  instant unseen_until_{};  // a wait, however short, sees the latch once
};
}  // namespace troupe::lock
