// The bank of bank.hpp in the laboratory: five nodes, three with replicas, killed, frozen, cut off and slowed down while
// money is moved; whatever happens, no money is made or lost, and no acknowledged transfer is done twice or not at all.
//   bank_laboratory [SEEDS]
#include "bank.hpp"

#include <cstdlib>
#include <iostream>
#include <optional>

#include <troupe/actors/consensus/protocol.hpp>
#include <troupe/cluster/simulation_campaign.hpp>
#include <troupe/cluster/simulator_probe.hpp>

using namespace std::chrono_literals;
using namespace troupe::laboratory;
namespace consensus = troupe::consensus;

template <class What, class Bytes>
auto said(simulation& sim, std::size_t by, const Bytes& what) {
  const auto got = ask<consensus::reply>(sim, sim[by], sim[by].group("bank", make_bank), 10s, what);
  using reply = troupe::reply_of<bank, What>;
  if (!got) return std::optional<reply>{};
  auto read = troupe::read_reply<bank, What>(got->bytes);
  return read ? std::optional<reply>{std::move(*read)} : std::nullopt;
}
auto tell(simulation& sim, std::size_t by, auto what) {
  return said<decltype(what)>(sim, by, consensus::command{troupe::command_bytes<bank>(what)});
}

int main(int argc, char** argv) {
  campaign_options how;
  how.seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10;
  how.members = 5;
  how.length = how.calm = 20s;
  how.faults = usual_faults(how.length);
  how.how.node.consensus.bootstrap_expect = 3;
  how.how.node.membership.resolving.how.kind = troupe::membership::downing::none;

  const auto found = campaign(how, [](simulation& sim, const plan& faults) {
    sim.start(5, [](troupe::local_node& n) { n.group("bank", make_bank); });
    sim.run_until_up(5, 20s);
    for (const std::string whose : {"ann", "bob"})
      while (!tell(sim, 4, open_account{whose, 100})) sim.run_for(1s);
    sim.begin(faults);
    std::uint64_t asked = 0, done = 0;
    for (std::size_t i = 0; i < 50; ++i, sim.run_for(200ms)) {
      if (!sim[i % 5].running() || sim[i % 5].frozen()) continue;
      ++asked;
      if (tell(sim, i % 5, i % 2 ? transfer{"ann", "bob", 1} : transfer{"bob", "ann", 1})) ++done;
    }
    sim.run_for(faults.calm);
    if (!sim[0].running()) sim.restart(0);
    std::optional<bank> now;
    for (int i = 0; i < 20 && !now; ++i)
      now = said<everything>(sim, 0, consensus::question{troupe::question_bytes<bank>(everything{}), false, false});
    if (!now) return sim.complain("in calm the bank answers", "it does not");
    if (now->accounts["ann"] + now->accounts["bob"] != 200)
      sim.complain("no money is made or lost", "there is " + std::to_string(now->accounts["ann"] + now->accounts["bob"]));
    if (now->transfers < done || now->transfers > asked)
      sim.complain("an acknowledged transfer is done once", std::to_string(now->transfers) + " were done; " +
                       std::to_string(done) + " acknowledged of " + std::to_string(asked));
  });
  if (found) return std::cout << found.story, 1;
  std::cout << found.seeds << " seeds, " << found.steps << " messages: every transfer was done once\n";
  return 0;
}
