// troupe lock NAME -- COMMAND: runs it while the lock is held, and ends it before another can hold it.
// troupe locks: who holds and who waits.
#include "actors/lock/locks.hpp"
#include "cluster/program/child.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/lock_store.hpp"
#include "cluster/program/table.hpp"
#include "patterns/lock/deadlock.hpp"
#include "runtime/codec/inspect.hpp"

#include <csignal>
#include <iostream>
#include <optional>

#include <caf/all.hpp>
#include <unistd.h>

namespace troupe::program {
namespace {
using clock = std::chrono::steady_clock;
using json = nlohmann::ordered_json;
struct options {
  target to;
  std::string name, owner, revoke, store = "map";
  std::vector<std::string> command;
  milliseconds ttl{10'000}, wait{-1};
  std::uint32_t permits = 0;
  bool shared = false, as_json = false;
  lock::mode as() const {
    return permits > 0 ? lock::mode::permits : shared ? lock::mode::shared : lock::mode::exclusive;
  }
};

std::string own_name(const std::string& given) {
  if (!given.empty()) return given;
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return std::string{host} + "/" + std::to_string(::getpid());
}

caf::actor locks_of(lock_store& with, const options& given) {
  return lock::spawn_locks(with.system(), with.actor(),
                           {.owner = own_name(given.owner),
                            .session = {.ttl = given.ttl, .margin = given.ttl / 10}});
}

// Takes, runs, and gives back.
class holding {
 public:
  holding(const options& given, lock_store& with)
      : given_{given}, self_{with.system()}, locks_{locks_of(with, given)} {
    self_->send(locks_, lock::take{.name = given.name,
                                   .as = given.as(),
                                   .wait = given.wait,
                                   .count = 1,
                                   .capacity = std::max(1U, given.permits)});
  }
  int run() {
    bool told = false;
    while (!over_) {
      self_->receive([&](const lock::taken& t) { begin(t.fence); }, [&](const lock::lock_lost& l) { lose(l); },
                     [&](const caf::error& why) {
                       over_ = static_cast<int>(fail(exit_code::not_acquired, sentence_of(why)));
                     },
                     caf::after(milliseconds{10}) >> [] {});
      if (over_) break;
      if (runs_) {
        if (const auto code = runs_->ended()) over_ = *code;
        if (interrupted() && !std::exchange(told, true)) runs_->signal(SIGTERM);
      } else if (interrupted()) {
        over_ = static_cast<int>(exit_code::not_acquired);
      }
    }
    // The next one need not wait for the lease to run out.
    self_->monitor(locks_);
    self_->send(locks_, lock::retire{});
    bool gone = false;
    self_->receive_while([&, last = clock::now() + milliseconds{1'000}] { return !gone && clock::now() < last; })(
        [&](const caf::down_msg&) { gone = true; }, [](const lock::taken&) {}, [](const lock::lock_lost&) {},
        [](const caf::error&) {}, caf::after(milliseconds{50}) >> [] {});
    return *over_;
  }

 private:
  void begin(std::uint64_t fence) {
    if (given_.as_json) std::cerr << one_line({{"event", "acquired"}, {"lock", given_.name}, {"fence", fence}}) << std::endl;
    runs_ = child::start(given_.command, {{"TROUPE_FENCE", std::to_string(fence)}, {"TROUPE_LOCK", given_.name}});
    if (!runs_) over_ = static_cast<int>(fail(exit_code::wrapper, "the system does not start another process"));
  }
  void lose(const lock::lock_lost& l) {
    if (given_.as_json)
      std::cerr << one_line({{"event", "lost"}, {"lock", given_.name}, {"fence", l.fence}, {"why", l.why}}) << std::endl;
    if (runs_) runs_->end(given_.ttl / 20);  // a half of the margin
    over_ = static_cast<int>(fail(exit_code::lost, "the lock '" + given_.name + "' was lost (" + l.why + "): the command was ended"));
  }

  const options& given_;
  caf::scoped_actor self_;
  caf::actor locks_;
  std::optional<child> runs_;
  std::optional<int> over_;
};

exit_code hold(const options& given) {
  if (given.command.empty()) return fail(exit_code::usage, "troupe lock: give a COMMAND behind --");
  if (given.ttl < milliseconds{1'000}) return fail(exit_code::usage, "--ttl: at least 1s, or a slow network is taken for a death");
  if (given.shared && given.permits > 0) return fail(exit_code::usage, "--shared and --permits exclude each other");
  catch_interrupts();
  auto with = lock_store::open(given.store, given.to);
  if (!with) return fail(exit_code::not_acquired, with.error().sentence);
  return static_cast<exit_code>(holding{given, **with}.run());
}

json row_of(const std::string& name, const lock::line& all, const lock::place& p) {
  json waits = json::array();
  for (const auto& other : lock::in_the_way(all, p.ticket)) waits.push_back(other.ticket);
  json row{{"lock", name}, {"fence", p.ticket}, {"mode", to_string(p.as)}, {"owner", p.owner},
           {"holds", lock::holds(all, p.ticket)}, {"waits_for", waits}};
  if (p.as == lock::mode::permits) row.update({{"count", p.count}, {"capacity", p.capacity}});
  return row;
}

void show(const lock::surveyed& found, const options& given) {
  if (given.as_json) {
    json rows = json::array(), circles = json::array();
    for (const auto& [name, all] : found.all)
      for (const auto& p : all) rows.push_back(row_of(name, all, p));
    for (const auto& d : lock::deadlocks(found.all)) circles.push_back({{"victim", d.victim}, {"circle", lock::explain(d)}});
    std::cout << one_line(json{{"places", rows}, {"deadlocks", circles}}) << '\n';
    return;
  }
  table rows{{"LOCK", "FENCE", "MODE", "OWNER", "STATE"}};
  for (const auto& [name, all] : found.all)
    for (const auto& p : all)
      rows.add({name, std::to_string(p.ticket), std::string{to_string(p.as)}, p.owner,
                lock::holds(all, p.ticket) ? "holds" : "waits"});
  std::cout << rows.text();
  for (const auto& d : lock::deadlocks(found.all)) std::cout << "deadlock: " << lock::explain(d) << '\n';
}

// LOCK:FENCE
std::optional<lock::revoke> place_in(const std::string& text) {
  const auto at = text.rfind(':');
  if (at == std::string::npos || at == 0) return std::nullopt;
  char* rest = nullptr;
  const auto fence = std::strtoull(text.c_str() + at + 1, &rest, 10);
  if (fence == 0 || *rest != '\0') return std::nullopt;
  return lock::revoke{text.substr(0, at), fence};
}

exit_code list(const options& given) {
  const auto revoked = place_in(given.revoke);
  if (!given.revoke.empty() && !revoked)
    return fail(exit_code::usage, "--revoke: LOCK:FENCE, as `troupe locks` shows them, not '" + given.revoke + "'");
  auto with = lock_store::open(given.store, given.to);
  if (!with) return fail(with.error());
  caf::scoped_actor self{(*with)->system()};
  const auto locks = locks_of(**with, given);
  std::optional<problem> failed;
  const auto no = [&](const caf::error& why) { failed = problem{exit_code::not_done, sentence_of(why)}; };
  if (!revoked)
    self->request(locks, milliseconds{10'000}, lock::survey{}).receive([&](const lock::surveyed& all) { show(all, given); }, no);
  else
    self->request(locks, milliseconds{10'000}, *revoked)
        .receive(
            [&](const lock::returned& r) {
              if (!r.held) failed = problem{exit_code::not_done, "nobody stands there under that fence"};
            },
            no);
  self->send(locks, lock::retire{});
  return failed ? fail(*failed) : exit_code::done;
}
}  // namespace

void add_lock(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "lock", "Run a command while a lock is held", &hold, verb);
  verb->footer(
      "Who comes first holds NAME, and runs COMMAND; the others wait in line. The command finds in TROUPE_FENCE a number\n"
      "that rises from holder to holder: let what it writes to refuse a lower one. Where the lock is lost the command is\n"
      "ended before another can hold it (SIGTERM, then SIGKILL).\n"
      "Exit codes: the command's own; 121 not acquired, 122 lost while it ran, 125 anything else.\n"
      "  troupe lock ledger --wait 5s -- ./close-the-month.sh");
  verb->add_option("NAME", given->name, "the lock")->required();
  verb->add_option("COMMAND", given->command, "behind --, with its arguments")->type_name("-- COMMAND ...");
  add_time(*verb, "--ttl", given->ttl, "who is not heard for so long has lost it");
  add_time(*verb, "--wait", given->wait, "give up after so long, 0s at once; without it, never");
  verb->add_flag("--shared", given->shared, "with others that hold it shared");
  verb->add_option("--permits", given->permits, "as one of so many holders, the same number for all");
  verb->add_option("--owner", given->owner, "in whose name, as `troupe locks` and deadlocks show it: one that waits for itself is a deadlock");
  verb->add_flag("--json", given->as_json, "events as JSON lines, to standard error");
  add_store(*verb, given->store);
  add_target(*verb, given->to);
}

void add_locks(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "locks", "Show who holds which lock, and who waits", &list, verb);
  verb->add_option("--revoke", given->revoke, "LOCK:FENCE: takes that place away; its holder is told");
  verb->add_flag("--json", given->as_json, "as JSON");
  add_store(*verb, given->store);
  add_target(*verb, given->to);
}
}  // namespace troupe::program
