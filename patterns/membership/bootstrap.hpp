// The first start: join a cluster that is there, or form one, and never two.
//   Promises  only the first seed forms a cluster, and only if no other seed or known member answers
//             that it is in one: at once where it is the only one there is, else after `form_after`
//             without an answer, or as soon as all others have answered that they are in none.
//             A node that knows former members (it was downed, or its process came back) forms one
//             only if all of them answer that they are in none, or a majority of them for
//             `reform_after`; where the first seed is silent, the first by address of those that
//             answer takes its place a little later. Until then it says now and then how many it
//             waits for
//   Names     an address may be written in several ways: what a dialed one turned out to be counts
//             once, and one that leads back here not at all
//   Beware    a first seed that starts without knowing former members, cut off from a cluster that
//             runs without it, forms a second one: the two never merge by themselves (cluster ids),
//             and it dissolves again if nobody joined. A host that keeps `present_addresses` on
//             disk (a node's data directory) is safe from it
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
    std::string waiting{};  // for whom, every `told_every`; empty: nothing to tell
  };
  step_output step(instant now);
  // A peer at this address is in no cluster either.
  void forming(const std::string& address) {
    if (others().contains(address)) forming_.insert(address);
  }
  // A cluster has spoken to us from this address: ask there, and form none before it is silent.
  void met(const std::string& address, instant now) {
    peers_.insert(address);
    forming_.erase(address);
    started_ = next_ = now;
  }
  // Who was dialed at `text` calls itself `address`; this node's own is one of them.
  void also_known(const std::string& text, const std::string& address);
  // The configured seeds that are none of these addresses, as they were written.
  std::vector<std::string> strangers(const std::set<std::string>& known) const;
  instant due() const { return next_; }

 private:
  static constexpr std::chrono::seconds told_every{30};
  bool may_form(instant now) const;
  bool in_place_of_first() const;
  const std::string& address_of(const std::string& text) const;
  std::set<std::string> others() const;  // their addresses, each once
  const std::string self_;
  const std::vector<std::string> seeds_;
  std::set<std::string> peers_;  // all others that may know of a cluster, as they are dialed
  std::map<std::string, std::string> addresses_;  // of those that call themselves otherwise
  std::set<std::string> forming_;
  const bool rebuilt_;
  timing how_;
  instant started_, next_, next_told_;
  unsigned tries_ = 0;
};
}  // namespace troupe::membership
