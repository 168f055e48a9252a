// The contenders of one member: who of them acts while the member leads, one after the other, and each in a term of its
// own, so that the term can be its fencing number.
//   Promises  one is chosen at a time, only while the member leads, the longest waiting first; with `one_a_term` a term is
//             given to one of them and never to a second, whatever became of the first
//             a chosen one that is not heard for `patience` is given up, and its term with it
//             a member that leads without a contender gives up once another one is eager, after `settle`, and again each
//             `settle` if it was not heeded
//   Assumes   `renew` ends what the member leads: it leads again in a later term at the soonest
//   Beware    a contender that is given up may act on: it is frozen, or cut off. What it acts on must refuse older terms
//   chosen   | it leaves, silent   | leads no more       | leads in a later term            | another enters
//   none     | -                   | -                   | the first is chosen              | chosen, if the term is unused
//   somebody | renew               | dethroned           | dethroned; not one_a_term: stays | waits
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>
namespace troupe::election {
class contenders {
 public:
  using instant = std::chrono::nanoseconds;  // since any fixed origin, of a clock that never steps
  using duration = std::chrono::nanoseconds;
  using number = std::uint64_t;  // a contender's; given once
  struct options {
    duration patience = std::chrono::milliseconds{1000};
    duration settle = std::chrono::milliseconds{1000};
    bool one_a_term = true;
  };

  struct entered {
    number who = 0;
  };
  struct left {
    number who = 0;
  };
  struct heard {
    number who = 0;
  };
  struct leading {
    std::uint64_t term = 0;
  };
  struct not_leading {};
  struct others {  // whether another member is eager
    bool eager = false;
  };
  struct tick {};
  using input = std::variant<entered, left, heard, leading, not_leading, others, tick>;

  struct chosen {
    number who = 0;
    std::uint64_t term = 0;
    bool operator==(const chosen&) const = default;
  };
  struct dethroned {  // and out of the line
    number who = 0;
    std::uint64_t term = 0;
    bool silent = false;  // else the member leads no more
    bool operator==(const dethroned&) const = default;
  };
  struct output {
    std::vector<dethroned> ended{};
    std::vector<chosen> begun{};
    std::optional<bool> eager{};  // the member is, from now on, or is not
    bool renew = false;
    bool operator==(const output&) const = default;
  };

  contenders() = default;
  explicit contenders(const options& how) : how_{how} {}
  void step(const input& in, instant now, output& out);
  instant due() const;
  std::optional<chosen> acting() const;
  std::size_t size() const { return line_.size(); }

 private:
  void on(const entered& in, instant now, output& out);
  void on(const left& in, instant now, output& out);
  void on(const heard& in, instant now, output& out);
  void on(const leading& in, instant now, output& out);
  void on(const not_leading& in, instant now, output& out);
  void on(const others& in, instant now, output& out);
  void on(const tick& in, instant now, output& out);
  void dethrone(bool silent, output& out);
  void drop(number who);
  void settle(instant now, output& out);
  void renew(output& out);

  options how_{};
  std::deque<number> line_;
  number acts_ = 0;                    // 0: nobody
  instant heard_{};                    // who acts
  std::optional<std::uint64_t> term_;  // that the member leads in
  bool used_ = false;                  // somebody was chosen in it
  instant since_{};
  std::uint64_t spent_ = 0;  // given up, with all before
  bool eager_ = false, others_ = false;
};
}  // namespace troupe::election
