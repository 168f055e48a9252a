#include "runtime/simulator/machine.hpp"

#include "patterns/simulation/fault.hpp"

#include <algorithm>
#include <thread>

#include <caf/actor_registry.hpp>
#include <caf/io/abstract_broker.hpp>
#include <caf/logger.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/send.hpp>
namespace troupe::laboratory {
namespace {
constexpr std::size_t text_max = 300;
constexpr duration origin{1};  // to CAF's clocks nothing has a meaning of its own
constexpr std::size_t last_steps_max = 1'000'000;  // of actors that are told to end

// Null: none, or a broker, which ends with its system.
caf::scheduled_actor* actor_in(caf::resumable* what) {
  return dynamic_cast<caf::io::abstract_broker*>(what) ? nullptr : dynamic_cast<caf::scheduled_actor*>(what);
}
}  // namespace

std::shared_ptr<virtual_environment> machine::environment() {
  ++lives_;
  return std::make_shared<virtual_environment>(agenda_, net_, here_, simulation::derived(seed(), 1), clock_);
}

std::uint64_t machine::seed() const { return simulation::derived(seed_, lives_); }

void machine::take(caf::actor_system& system, std::shared_ptr<virtual_environment> world) {
  system_ = &system;
  world_ = std::move(world);
  set_clock();
}

caf::scheduler::test_coordinator& machine::jobs() const {
  return static_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
}

void machine::set_clock() {
  jobs().clock().current_time = caf::actor_clock::time_point{clock_.local(agenda_.now()) + origin};
}

bool machine::ready() const {
  return system_ && frozen_ == 0 && (!jobs().jobs.empty() || (world_ && world_->loop() && world_->loop()->ready()));
}

void machine::step(simulation::generator& chance, simulation::trace& log, std::deque<std::string>* verbose) {
  set_clock();
  auto& all = jobs().jobs;
  auto* const loop = world_ ? world_->loop() : nullptr;
  const auto which = chance.below(all.size() + (loop && loop->ready() ? 1 : 0));
  if (which == all.size()) {
    if (auto* const next = loop->waiting().front(); actor_in(next))
      note(next, log, verbose);
    else
      log.mix(here_);
    loop->turn();
    return;
  }
  const auto chosen = all.begin() + static_cast<std::ptrdiff_t>(which);
  std::rotate(all.begin(), chosen, chosen + 1);
  note(all.front(), log, verbose);
  jobs().try_run_once();
}

void machine::note(caf::resumable* next, simulation::trace& log, std::deque<std::string>* verbose) {
  auto* const actor = dynamic_cast<caf::scheduled_actor*>(next);
  if (!actor) return log.mix(here_ + 1'000'000);
  log.mix((std::uint64_t{here_} << 40) ^ actor->id() ^
          static_cast<std::uint64_t>(agenda_.now().count()) * 0x9e3779b97f4a7c15U);
  last_ = actor->name();
  if (seen_.emplace(actor->id(), actor->address()).second && seen_.size() >= prune_at_) {
    std::erase_if(seen_, [](const auto& s) { return s.second.get()->strong_refs == 0; });
    prune_at_ = std::max<std::size_t>(4096, 2 * seen_.size());
  }
  if (!verbose) return;
  std::string fields;
  simulation::append_field(fields, "event", "step");
  simulation::append_field(fields, "actor", last_ + "/" + std::to_string(actor->id()));
  std::string text;
  if (auto* const what = actor->mailbox().peek()) text = caf::to_string(what->content());
  if (text.size() > text_max) text.resize(text_max);
  if (!text.empty()) simulation::append_field(fields, "message", text);
  log.line(agenda_.now(), name_, fields);
  if (users_ == 0 || actor->id() < users_ || text.empty() || text == "(<unprintable>)") return;
  auto line = simulation::time_text(agenda_.now());
  line.resize(std::max<std::size_t>(line.size() + 1, 16), ' ');
  verbose->push_back(line + name_ + "  " + last_ + "/" + std::to_string(actor->id()) + "  " + text);
}

void machine::users_from_here() { users_ = system_->next_actor_id(); }

std::optional<instant> machine::due() const {
  if (!system_ || frozen_ > 0) return std::nullopt;
  const auto& timers = jobs().clock().schedule();
  if (timers.empty()) return std::nullopt;
  return clock_.world(timers.begin()->first.time_since_epoch() - origin);
}

void machine::tick() {
  set_clock();
  auto& clock = jobs().clock();
  while (!clock.schedule().empty() && clock.schedule().begin()->first <= clock.now()) clock.trigger_timeout();
}

void machine::freeze(bool yes) {
  frozen_ += yes ? 1 : -1;
  net_.freeze(here_, yes);
}

std::size_t machine::detached() { return system_ ? system_->detached_actors() : 0; }

bool machine::end() {
  while (frozen_ > 0) freeze(false);  // that was its process
  if (!system_) return true;
  auto& clock = jobs().clock();
  auto* const loop = world_ ? world_->loop() : nullptr;
  std::size_t steps = 0;
  const auto drain = [&] {
    while (steps < last_steps_max && ((!jobs().jobs.empty() && jobs().try_run_once()) || (loop && loop->turn()))) ++steps;
    clock.cancel_all();
  };
  // What has never run yet is among the jobs.
  const auto see = [&](caf::resumable* job) {
    if (auto* const actor = actor_in(job)) seen_.emplace(actor->id(), actor->address());
  };
  for (auto* job : jobs().jobs) see(job);
  if (loop)
    for (auto* job : loop->waiting()) see(job);
  clock.cancel_all();
  for (int round = 0; round < 3 && (round == 0 || system_->registry().running() > 0); ++round) {
    for (const auto& [id, address] : seen_)
      if (const auto actor = caf::actor_cast<caf::actor>(address))
        caf::anon_send_exit(actor, caf::exit_reason::kill);
    drain();
  }
  // Threads end in their own time, which is real.
  for (int turn = 0; turn < 1000 && system_->detached_actors() > 0; ++turn) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    drain();
  }
  seen_.clear();
  const bool all = system_->registry().running() == 0;
  system_ = nullptr;
  caf::logger::set_current_actor_system(nullptr);
  return all;
}
}  // namespace troupe::laboratory
