// Electors on a stage: a network that takes the same time for each message, disks that take none, members that crash and
// come back. To measure an algorithm beside its formula; what faults do to it is the laboratory's to say.
//   stage s{*algorithm_named("bully"), {.members = 5}};
//   s.run_until_agreed(10s);
//   s.crash(4);
//   s.run_until_agreed(10s);  s.sent();  s.now();
#pragma once
#include "patterns/election/elector.hpp"

#include <map>
#include <queue>
#include <string>
#include <vector>
namespace troupe::election {
struct stage_setting {
  std::uint32_t members = 3;
  std::uint32_t observers = 0;
  duration latency = std::chrono::microseconds{250};
  duration notices =
      std::chrono::milliseconds{1};  // a crash, by its broken connections; 0: nobody is told
  bool keep_incumbent = false;
  std::uint64_t seed = 1;
};

class stage {
 public:
  stage(const algorithm& which, const stage_setting& how);
  void crash(server who);
  void restart(server who);
  void run_for(duration d);
  // Until all that run believe in one leader that runs, in one term; false: not within the limit.
  bool run_until_agreed(duration limit);

  instant now() const { return now_; }
  const belief& believes(server s) const { return nodes_[s].believed; }
  const std::map<std::string, std::uint64_t>& sent() const {
    return sent_;
  }  // by kind, beats among them
  std::uint64_t changes_of_leader() const { return changes_; }
  void count_anew();

 private:
  struct node {
    std::unique_ptr<elector> it;
    std::string disk{};
    std::uint64_t life = 0;
    belief believed{};
  };
  struct happening {
    instant at{};
    std::uint64_t number = 0;  // what is first made comes first
    server to = 0;
    server from = 0;
    std::uint64_t life = 0;  // of `to`: what is for another is lost
    enum class news { letter, lost, back } what = news::letter;
    std::uint64_t its_life = 0;  // of `from`, lost or back
    std::string bytes{};
    bool operator>(const happening& o) const { return at != o.at ? at > o.at : number > o.number; }
  };
  void begin(server who);
  void tell_all(server of, happening::news what);
  void obey(server who, elector_output& out);
  bool step(instant until);
  bool agreed() const;
  setting setting_of(server who) const;

  const algorithm& which_;
  stage_setting how_;
  instant now_{std::chrono::seconds{1}};
  std::vector<node> nodes_;
  std::priority_queue<happening, std::vector<happening>, std::greater<>> under_way_;
  std::uint64_t numbers_ = 0;
  std::map<std::string, std::uint64_t> sent_;
  std::uint64_t changes_ = 0;
  server last_leader_ = ~server{0};
};
}  // namespace troupe::election
