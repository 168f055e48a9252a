// Who is asked when, and what silence means: SWIM's failure detector (Das et al. 2002, section 3.1
// and 4.3: members in random order, each once a round), with Lifeguard's nacks and local health.
//   One probe: a ping; no ack by half time: k others are asked to ping; no ack by the end: failed.
//   An urgent probe (a lost connection, a suspicion heard) does both at once, out of turn.
//   Whoever answered through others alone is asked directly with each interval until it answers: in
//   a large cluster its turn comes too seldom to tell a lost message from a cut link.
#pragma once
#include "patterns/membership/lifeguard.hpp"
#include "patterns/membership/options.hpp"

#include <random>
namespace troupe::membership {
class prober {
 public:
  struct request {  // to a mediator
    member_id mediator, target;
    std::uint64_t sequence;
  };
  struct reply {  // to whom we mediate for
    member_id origin, target;
    std::uint64_t sequence;
    bool alive;
  };
  struct actions {
    std::vector<std::pair<member_id, std::uint64_t>> pings{};
    std::vector<request> requests{};
    std::vector<reply> replies{};
    std::vector<member_id> failed{};
    std::vector<member_id> quiet{};  // mediators that sent neither ack nor nack: worth a probe too
    bool empty() const {
      return pings.empty() && requests.empty() && replies.empty() && failed.empty() &&
             quiet.empty();
    }
  };
  prober(const options& how, std::uint64_t seed, instant now);

  // `unreachable`: of the present members, so that nobody looks for them where there are none.
  void tick(const view& members, const member_id& self, std::size_t unreachable,
            local_health& health, instant now, actions& out);
  void urgent(const member_id& target, const view& members, const member_id& self,
              const local_health& health, instant now, actions& out);
  // True: a probe of ours was answered, and it was sent at `sent`.
  bool acked(std::uint64_t sequence, const member_id& target, bool directly, local_health& health,
             instant now, instant& sent, actions& out);
  void nacked(std::uint64_t sequence, const member_id& mediator);
  void mediate(const member_id& origin, std::uint64_t sequence, const member_id& target,
               instant now, actions& out);
  // Names that have long been reached through others alone, whatever was tried meanwhile; sorted.
  std::vector<std::string> cut_off(instant now) const;
  void forget(const member_id& gone);
  void joined(const member_id& fresh);  // takes a random place in this round (section 4.3)
  // k distinct members that are present and answer, at random.
  std::vector<member_id> choose(const view& members, std::size_t k,
                                const std::vector<member_id>& without);
  instant due() const;

 private:
  struct probe {
    member_id target;
    instant sent{}, half{}, end{};
    bool asked_others = false;
    std::size_t asked = 0;
    std::vector<member_id> mediators{};  // whose nack is missing
  };
  struct mediation {
    member_id origin, target;
    std::uint64_t sequence = 0;
    instant nack{}, end{};
    bool nacked = false;
  };
  void ask_unreachable(const view& members, const member_id& self, actions& out);
  void ask_others(std::uint64_t sequence, probe& p, const view& members, const member_id& self,
                  actions& out);
  bool next_target(const view& members, const member_id& self, member_id& target);
  const options how_;
  std::mt19937_64 chance_;
  std::uint64_t sequence_ = 0;
  std::map<std::uint64_t, probe> probes_;
  std::map<std::uint64_t, mediation> mediations_;
  std::vector<member_id> round_;  // the rest of it, last first
  instant next_probe_, next_unreachable_, next_direct_;
  std::size_t unreachable_turn_ = 0;
  std::map<member_id, instant> indirect_since_;  // at most cut_off_max
};
}  // namespace troupe::membership
