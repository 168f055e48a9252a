// A replicated counter with a bug, and the test that finds it: three simulated nodes, swarms of faults, virtual time.
//   replicated_counter [--fixed] [SEEDS]
// Each replica counts, and tells the others by a request that it repeats until they have answered. The bug: who repeats a
// request whose answer is late has it done twice, unless the receiver knows it again (--fixed).
#include <chrono>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include <caf/all.hpp>
#include <troupe/cluster/receptionist.hpp>
#include <troupe/cluster/simulation_campaign.hpp>
#include <troupe/cluster/simulator_probe.hpp>
#include <troupe/runtime/codec/inspect.hpp>

using namespace std::chrono_literals;
using namespace troupe::laboratory;
using add_atom = caf::atom_constant<caf::atom("add")>;
using again_atom = caf::atom_constant<caf::atom("again")>;

struct counted {  // from one replica to another
  std::string by;
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(counted, by, number)

class replica : public caf::event_based_actor {
 public:
  replica(caf::actor_config& config, std::string name, caf::actor receptionist, bool fixed,
          std::shared_ptr<std::uint64_t> total)  // for whoever looks on
      : caf::event_based_actor{config}, name_{std::move(name)}, receptionist_{std::move(receptionist)}, fixed_{fixed},
        total_{std::move(total)} {}
  const char* name() const override { return "replica"; }

  caf::behavior make_behavior() override {
    send(receptionist_, troupe::register_service{"counter " + name_, this});
    for (const std::string other : {"a", "b", "c"})
      if (other != name_) untold_[other];
    return {
        [this](add_atom) {
          ++*total_;
          for (auto& [other, untold] : untold_) {
            untold.push_back({name_, next_});
            if (untold.size() == 1) tell(other);
          }
          return next_++;
        },
        [this](const counted& c) {
          if (fixed_ && c.number <= seen_[c.by]) return;  // a repeat: it is answered, and not done again
          seen_[c.by] = c.number;
          ++*total_;
        },
        [this](again_atom, const std::string& other) { tell(other); },
    };
  }

 private:
  void tell(const std::string& other) {
    const auto later = [this, other](const caf::error&) { delayed_send(this, 200ms, again_atom::value, other); };
    request(receptionist_, 1s, troupe::find_service{"counter " + other})
        .then(
            [this, other, later](const troupe::service_listing& found) {
              if (found.who.empty()) return later({});
              request(found.who.front(), 1s, untold_[other].front())
                  .then(
                      [this, other] {
                        untold_[other].pop_front();
                        if (!untold_[other].empty()) tell(other);
                      },
                      later);
            },
            later);
  }

  const std::string name_;
  caf::actor receptionist_;
  const bool fixed_;
  std::shared_ptr<std::uint64_t> total_;
  std::uint64_t next_ = 1;
  std::map<std::string, std::deque<counted>> untold_;
  std::map<std::string, std::uint64_t> seen_;
};

int main(int argc, char** argv) {
  const bool fixed = argc > 1 && argv[1] == std::string{"--fixed"};
  const int rest = fixed ? 2 : 1;
  campaign_options how;
  how.seeds = argc > rest ? std::strtoull(argv[rest], nullptr, 10) : 20;
  how.members = 3;
  how.length = how.calm = 20s;
  how.faults = usual_faults(how.length);
  std::erase_if(how.faults.kinds, [](const auto& f) { return brings_down(f.what); });  // it keeps nothing on disk
  how.how.node.configure = [](auto& config) { config.template add_message_type<counted>("counted"); };

  how.how.node.membership.resolving.how.kind = troupe::membership::downing::none;

  const auto found = campaign(how, [&](simulation& sim, const plan& faults) {
    std::map<std::string, caf::actor> replicas;
    std::map<std::string, std::shared_ptr<std::uint64_t>> totals;
    auto nodes = sim.start(3, [&](troupe::local_node& n) {
      auto& total = totals[n.name()] = std::make_shared<std::uint64_t>(0);
      replicas[n.name()] = n.own(n.system().spawn<replica>(n.name(), n.receptionist(), fixed, total));
    });
    std::uint64_t asked = 0, done = 0;
    sim.always("no replica counts what was not added", [&] {
      for (const auto& [name, total] : totals)
        if (*total > asked) return name + " has counted to " + std::to_string(*total) + " of " + std::to_string(asked);
      return std::string{};
    });
    sim.run_until_up(3, 20s);
    sim.begin(faults);
    for (int i = 0; i < 40 && !sim.broken(); ++i, sim.run_for(500ms)) {
      auto& node = *nodes[static_cast<std::size_t>(i) % 3];
      if (node.frozen()) continue;
      ++asked;
      if (ask<std::uint64_t>(sim, node, replicas[node.name()], 1s, add_atom::value)) ++done;
    }
    sim.run_for(faults.calm);
    for (const auto& [name, total] : totals)
      if (*total < done)
        sim.complain("in calm, each replica has counted what was acknowledged",
                     name + " has counted to " + std::to_string(*total) + " of " + std::to_string(done));
  });
  if (found) return std::cout << found.story, 1;
  std::cout << found.seeds << " seeds, " << found.steps << " messages: every replica counted right\n";
  return 0;
}
