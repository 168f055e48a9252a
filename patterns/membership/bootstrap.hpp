// The first start: join a cluster that is there, or form one, and never two.
//   Promises  only the first seed forms a cluster, and only if no other seed or known member
//   answers
//             that it is in one: at once where it is the only one there is, else after `form_after`
//             without an answer, or as soon as all others have answered that they are in none.
//             A node rebuilt after it was downed knows the old members: it forms one only if all of
//             them answer that they are in none, or a majority of them for `reform_after`
//   Beware    a first seed that starts cut off from a cluster that runs without it forms a second
//   one:
//             the two never merge by themselves (cluster ids), and it dissolves again if nobody
//             joined
#pragma once
#include "patterns/membership/member.hpp"

#include <set>
namespace troupe::membership {
class bootstrap {
 public:
  struct timing {
    duration join_interval;
    duration form_after;
    duration reform_after;
  };
  bootstrap(std::string self, std::vector<std::string> seeds, std::vector<std::string> known,
            timing how, instant now);
  struct step_output {
    std::vector<std::string> ask{};  // addresses to send a join to
    bool form = false;
  };
  step_output step(instant now);
  // A peer at this address is in no cluster either.
  void forming(const std::string& address) {
    if (peers_.contains(address)) forming_.insert(address);
  }
  // A cluster has spoken to us from this address: ask there, and form none before it is silent.
  void met(const std::string& address, instant now) {
    peers_.insert(address);
    forming_.erase(address);
    started_ = next_ = now;
  }
  instant due() const { return next_; }

 private:
  bool may_form(instant now) const;
  std::string self_;
  std::set<std::string> peers_;  // all others that may know of a cluster
  std::set<std::string> forming_;
  bool first_;  // the first seed, or without any
  bool rebuilt_;
  timing how_;
  instant started_, next_;
  unsigned tries_ = 0;
};
}  // namespace troupe::membership
