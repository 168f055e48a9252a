#include "patterns/consensus/zab/simulated_group.hpp"

#include "patterns/consensus/zab/simulated_protocol.hpp"
namespace troupe::zab {
using namespace std::chrono_literals;
using simulation::fault_kind;

namespace simulated {
namespace {
ensemble of(member members, bool observers) {
  ensemble all;
  for (member m = 0; m < members; ++m)
    (observers && members > 3 && m + 1 == members ? all.observers : all.voters)
        .push_back(server_of(m));
  return all;
}
}  // namespace

// Small enough that what is sent is in parts, and that counters end.
options setting::usually() {
  options o;
  o.request_bytes = 120;
  o.uncommitted_max = 40;
  o.counter_max = 60;
  return o;
}

group::group(std::uint64_t seed, const setting& how, member members, bool lines)
    : world(seed, {.lateness_max = 2ms}, lines),
      how_(how),
      judge_(std::make_shared<scene>(of(members, how.observers))),
      chance_(simulation::derived(seed, 0x7a6162U)) {
  for (member m = 0; m < members; ++m) {
    auto where = std::make_shared<host::place>(host::place{m, how.how, judge_, how.snapshot_each});
    add([where](const simulation::life& of) { return host{of, where}; });
  }
  simulation::claim_all(*this, claim::all, judge_);
  within(std::string{settles}, settled, [this](const world&) { return unsettled(); });
}

simulation::verdict group::rehearse(const simulation::plan& p) {
  until_ = now() + p.length;
  clients_act();
  call(p.length + 1ms, [this](world&) { before_calm_ = judge_->committed(); });
  return run(p);
}

// They ask anybody, also who led once and does not know better.
void group::clients_act() {
  if (now() > until_ + 4s) return;
  for (member m = 0; m < size(); ++m)
    if (at(m) && (at(m)->leads() || chance_.below(16) == 0))
      give(m, propose_some{static_cast<std::uint32_t>(1 + chance_.below(4))});
  call(chance_.between(10ms, 150ms), [this](world&) { clients_act(); });
}

std::string group::unsettled() const {
  const replica* leader = nullptr;
  std::size_t voters = 0;
  for (member m = 0; m < size(); ++m) {
    if (!at(m)) continue;
    if (judge_->of().votes(server_of(m))) ++voters;
    if (!at(m)->established()) continue;
    if (leader) return "two lead";
    leader = at(m);
  }
  if (voters < judge_->of().quorum()) return {};
  if (!leader) return "nobody leads";
  for (member m = 0; m < size(); ++m) {
    if (!at(m)) continue;
    if (at(m)->leader() != leader->self() || at(m)->where() != phase::broadcast)
      return name(m) + " follows another, or nobody";
    if (world::at(m)->state().last != leader->log().last())
      return name(m) + " has not applied all of the leader's history";
  }
  if (judge_->committed() <= before_calm_) return "nothing was committed since the faults ended";
  return {};
}

simulation::menu outlived(duration length) {
  auto m = simulation::everything(length);
  for (auto& a : m.kinds) {
    if (a.what == fault_kind::delay) a.amount_max = duration{400ms}.count();
    if (a.what == fault_kind::slow_disk) a.amount_max = duration{200ms}.count();
    if (a.what == fault_kind::skew) a.amount_min = -160'000, a.amount_max = 160'000;
  }
  std::erase_if(m.kinds, [](const auto& a) { return a.what == fault_kind::rot; });
  return m;
}

simulation::run_outcome rehearse(const simulation::plan& p, const setting& how, bool lines) {
  group w{p.seed, how, p.members, lines};
  auto v = w.rehearse(p);
  return outcome_of(w, std::move(v));
}
}  // namespace simulated

simulation::protocol simulated_protocol() {
  using simulated::group;
  simulation::protocol it;
  it.name = "zab";
  it.help = "a primary's transactions in one order, by way of discovery and synchronisation";
  simulation::promise_all(it, simulated::claim::all, group::settles);
  it.members_max = 9;
  it.calm = group::settled + 2s;
  it.choices = {{"snapshots", "whether histories are compacted", {"often", "never"}},
                {"observers", "whether the last of four and more is one", {"one", "none"}},
                {"counters", "when an epoch's counter ends", {"small", "large"}}};
  it.swarm = simulated::outlived;
  it.run = [it](const simulation::plan& p, const simulation::settings& chosen) {
    simulated::setting how;
    if (it.chosen(chosen, "snapshots") == "never") how.snapshot_each = 0;
    how.observers = it.chosen(chosen, "observers") == "one";
    if (it.chosen(chosen, "counters") == "large") how.how.counter_max = 1U << 30U;
    return simulated::rehearse(p, how, chosen.lines);
  };
  return it;
}
}  // namespace troupe::zab
