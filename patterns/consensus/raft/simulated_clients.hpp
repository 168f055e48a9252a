// The clients of a simulated group: each asks for one thing after another, of any replica, again and
// under the same sequence number until it is told; and what they saw, as a history.
//   Assumes   answers travel in no time: a client then knows as early as anybody can
#pragma once
#include "patterns/checking/history.hpp"
#include "patterns/consensus/raft/simulated_machine.hpp"
#include "patterns/simulation/fault.hpp"
namespace troupe::raft::simulated {
using simulation::duration, simulation::instant, simulation::member;

class audience {
 public:
  explicit audience(std::uint64_t seed) : chance_{simulation::derived(seed, 0x636c69656eU)} {}
  // Whoever has waited long enough: what is asked, and of whom. `anew`: those who are idle begin.
  template <class Ask>
  void look_around(instant now, bool anew, member members, Ask&& ask) {
    now_ = now;
    for (std::uint32_t c = 0; c < clients; ++c) {
      auto& one = all_[c];
      if (one.next > now || (!one.asking && !anew)) continue;
      if (!one.asking) begin(c);
      one.next = now + patience;
      const auto whom = one.hint ? *one.hint : static_cast<member>(chance_.below(members));
      one.hint.reset();
      ask(whom, one.what);
    }
  }
  void answered(const request& r, bool done, std::uint32_t value);
  void refused(const request& r, std::optional<member> hint);
  bool idle() const;
  std::uint64_t answers() const { return answers_; }
  // The last request of each that was acknowledged and left a trace.
  std::uint32_t acknowledged(std::uint32_t client) const { return all_[client].acknowledged; }
  // What is wrong with what they saw; empty: nothing.
  std::string judged() const;

 private:
  static constexpr duration patience = std::chrono::milliseconds{400};
  struct one {
    request what{};
    bool asking = false;
    instant next{};  // when it asks, or asks again
    std::optional<member> hint{};
    std::uint32_t acknowledged = 0;
    std::array<std::uint32_t, keys> seen{};
  };
  void begin(std::uint32_t client);
  void note(const request& r, checking::event_type type, checking::value content);
  simulation::generator chance_;
  instant now_{};
  std::array<one, clients> all_{};
  std::uint32_t values_ = 0;
  std::uint64_t answers_ = 0;
  checking::history history_;
};
}  // namespace troupe::raft::simulated
