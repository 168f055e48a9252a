#include "cluster/program/elect_members.hpp"

#include "cluster/program/child.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/table.hpp"
#include "patterns/election/elector.hpp"
#include "patterns/encoding.hpp"
#include "runtime/codec/inspect.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include <caf/all.hpp>

namespace troupe::program {
namespace {
using clock = std::chrono::steady_clock;
using json = nlohmann::ordered_json;

std::string listed(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& n : names) all += (all.empty() ? "" : ", ") + n;
  return all;
}
problem refuse(std::string sentence) { return {exit_code::not_done, std::move(sentence)}; }

answer<election_charter> charter_of(client& with, const election_wish& wish) {
  election_charter c{.algorithm = wish.algorithm, .members = wish.members, .observers = wish.observers};
  if (wish.patience) c.patience_ms = static_cast<std::uint32_t>(wish.patience->count());
  c.keep_incumbent = wish.keep_incumbent;
  if (wish.algorithm == "log") {
    c.members.clear();
    return c;
  }
  const auto* which = election::algorithm_named(wish.algorithm);
  if (!which->observers && !c.observers.empty())
    return unexpected{refuse("an election by " + wish.algorithm + " has no observers: raft and zab have")};
  auto seen = with.members();
  if (!seen) return unexpected{seen.error()};
  if (c.members.empty())
    for (const auto& m : seen->members)
      if (m.state == "up" && std::find(c.observers.begin(), c.observers.end(), m.name) == c.observers.end()) c.members.push_back(m.name);
  std::sort(c.members.begin(), c.members.end());
  std::sort(c.observers.begin(), c.observers.end());
  std::vector<std::string> all = c.members;
  all.insert(all.end(), c.observers.begin(), c.observers.end());
  std::sort(all.begin(), all.end());
  if (const auto twice = std::adjacent_find(all.begin(), all.end()); twice != all.end())
    return unexpected{refuse("'" + *twice + "' is named twice: a node is one member, or one observer")};
  for (const auto& n : all)
    if (std::none_of(seen->members.begin(), seen->members.end(), [&](const auto& m) { return m.name == n; }))
      return unexpected{refuse("no node is named '" + n + "': `troupe members` lists them")};
  if (c.members.empty()) return unexpected{refuse("an election needs a member that is no observer")};
  return c;
}

// Enters, runs, and withdraws.
class standing {
 public:
  standing(client& with, const founded_election& what, const election_stand& how)
      : how_{how}, what_{what}, node_{with.node()}, patience_{what.charter.patience_ms}, self_{with.system()} {}

  int run(const caf::actor& keeper) {
    const auto last = clock::now() + how_.wait;
    keeper_ = keeper;
    self_->monitor(keeper_);
    self_->request(keeper_, milliseconds{10'000}, election_enter{how_.name, me()})
        .receive([] {}, [&](const caf::error& why) { end_with(exit_code::not_acquired, sentence_of(why)); });
    while (!over_) {
      // First, for one that was frozen: what has come meanwhile is old.
      if (runs_ && clock::now() - heard_ > patience_) {
        lose("node " + node_ + " was not heard for " + std::to_string(patience_.count()) + " ms");
        break;
      }
      self_->receive([&](const election_chosen& c) { begin(c); },
                     [&](const election_still& s) {
                       if (runs_ && s.term >= term_) heard_ = clock::now();
                       self_->send(keeper_, election_here{how_.name, me()});
                     },
                     [&](const election_dethroned& d) { lose(d.why); }, [](const election_view&) {},
                     [&](const caf::down_msg&) { lose("node " + node_ + " is gone"); },
                     caf::after(milliseconds{10}) >> [] {});
      if (over_) break;
      if (runs_) {
        if (const auto code = runs_->ended()) over_ = *code;
        if (interrupted() && !std::exchange(told_, true)) runs_->signal(SIGTERM);
      } else if (interrupted()) {
        over_ = static_cast<int>(exit_code::not_acquired);
      } else if (how_.wait.count() > 0 && clock::now() >= last) {
        end_with(exit_code::not_acquired, "'" + how_.name + "' was not won within the time given");
      }
    }
    // The next one need not wait for our silence; a round trip, so that it has left before we have.
    self_->send(keeper_, election_withdraw{how_.name, me()});
    self_->request(keeper_, milliseconds{500}, election_follow{how_.name, {}}).receive([](const election_view&) {}, [](const caf::error&) {});
    return *over_;
  }

 private:
  caf::actor me() { return caf::actor_cast<caf::actor>(self_); }
  void end_with(exit_code code, const std::string& why) { over_ = static_cast<int>(fail(code, why)); }
  void begin(const election_chosen& c) {
    if (runs_) return;
    term_ = c.term;
    heard_ = clock::now();
    if (how_.as_json) std::cerr << one_line({{"event", "elected"}, {"election", how_.name}, {"term", c.term}, {"fence", c.fence}}) << std::endl;
    child::variables given{{"TROUPE_ELECTION", how_.name}, {"TROUPE_TERM", std::to_string(c.term)}};
    if (c.fence > 0) {
      given.emplace_back("TROUPE_FENCE", std::to_string(c.fence));
    } else {
      ::unsetenv("TROUPE_FENCE");
      if (!how_.as_json) std::cerr << "troupe: no TROUPE_FENCE: by " << what_.charter.algorithm << " two may lead at once while the nodes do not hear each other\n";
    }
    runs_ = child::start(how_.command, given);
    if (!runs_) end_with(exit_code::wrapper, "the system does not start another process");
  }
  void lose(const std::string& why) {
    if (how_.as_json) std::cerr << one_line({{"event", "lost"}, {"election", how_.name}, {"term", term_}, {"why", why}}) << std::endl;
    if (!runs_) return end_with(exit_code::not_acquired, "'" + how_.name + "' was not won: " + why);
    runs_->end(patience_ / 5);
    end_with(exit_code::lost, "leadership of '" + how_.name + "' was lost (" + why + "): the command was ended");
  }

  const election_stand& how_;
  const founded_election& what_;
  std::string node_;
  milliseconds patience_;
  caf::scoped_actor self_;
  caf::actor keeper_;
  std::uint64_t term_ = 0;
  clock::time_point heard_{};
  std::optional<child> runs_;
  std::optional<int> over_;
  bool told_ = false;
};

json as_json_of(const election_view& v) {
  json seats = json::array();
  for (const auto& s : v.seats)
    seats.push_back({{"node", s.node}, {"as", s.as}, {"leader", s.leader}, {"term", s.term}, {"contenders", s.contenders}});
  json row{{"election", v.election}, {"algorithm", v.algorithm}};
  row["leader"] = v.leader.empty() ? json(nullptr) : json(v.leader);
  row.update({{"term", v.term}, {"fence", v.fence}, {"seen_by", v.node}, {"seats", seats}});
  return row;
}
std::string sentence(const election_view& v) {
  if (v.leader.empty()) return "nobody leads '" + v.election + "' (" + v.algorithm + ")";
  return v.leader + " leads '" + v.election + "' (" + v.algorithm + "), term " + std::to_string(v.term) +
         (v.fence > 0 ? ", fence " + std::to_string(v.fence) : "");
}
void print(const election_view& v, bool as_json) {
  if (as_json) {
    std::cout << one_line(as_json_of(v)) << std::endl;
    return;
  }
  table rows{{"NODE", "STANDING", "LEADER", "TERM", "CONTENDERS"}};
  for (const auto& s : v.seats)
    rows.add({s.node, s.as, s.leader.empty() ? "-" : s.leader, std::to_string(s.term), std::to_string(s.contenders)});
  std::cout << sentence(v) << '\n' << rows.text() << std::flush;
}
}  // namespace

std::optional<problem> contradiction(const election_wish& wish, const election_charter& is) {
  const auto remove = "; `troupe elect " + wish.name + " --remove` ends it";
  if (!wish.algorithm.empty() && wish.algorithm != is.algorithm)
    return refuse("'" + wish.name + "' is an election by " + is.algorithm + ", not by " + wish.algorithm + ": take another name, or leave --algorithm out" + remove);
  const auto differs = [](auto wanted, auto there) {
    std::sort(wanted.begin(), wanted.end());
    std::sort(there.begin(), there.end());
    return !wanted.empty() && wanted != there;
  };
  if (differs(wish.members, is.members))
    return refuse("the members of '" + wish.name + "' are " + listed(is.members) + " for good: leave --members out" + remove);
  if (differs(wish.observers, is.observers))
    return refuse("the observers of '" + wish.name + "' are " + (is.observers.empty() ? "none" : listed(is.observers)) + " for good: leave --observers out" + remove);
  // The map's own elections have leases, which each who stands brings along.
  if (wish.patience && (is.algorithm == "log" || wish.patience->count() != is.patience_ms))
    return refuse(is.algorithm == "log" ? "'" + wish.name + "' is an election by log, which knows no patience: leave --patience out, or give --ttl"
                                        : "the patience of '" + wish.name + "' is " + std::to_string(is.patience_ms) + "ms for good, not " +
                                              std::to_string(wish.patience->count()) + "ms: leave --patience out" + remove);
  if (wish.keep_incumbent && !is.keep_incumbent)
    return refuse("in '" + wish.name + "' whoever comes back takes over, for good: leave --keep-incumbent out" + remove);
  return std::nullopt;
}

bool is_algorithm(const std::string& name) { return election::algorithm_named(name) != nullptr; }

answer<std::optional<founded_election>> find_election(client& with, const std::string& name) {
  using found = std::optional<founded_election>;
  const auto said = with.look(storage::get{storage::one(elections_prefix + name)});
  if (!said) return unexpected{said.error()};
  const auto* got = std::get_if<storage::got>(&said->what);
  if (got == nullptr) return unexpected{problem{exit_code::unknown, "the map's answer makes no sense to this program"}};
  if (got->items.empty()) return found{};
  auto charter = decode<election_charter>(got->items.front().value);
  if (!charter) return unexpected{refuse("what the map has at " + (elections_prefix + name) + " is no election: was it written by hand?")};
  return found{founded_election{std::move(*charter), got->items.front().mod_revision}};
}

answer<founded_election> found_election(client& with, const election_wish& wish) {
  auto there = find_election(with, wish.name);
  if (!there) return unexpected{there.error()};
  if (!*there) {
    auto charter = charter_of(with, wish);
    if (!charter) return unexpected{charter.error()};
    const auto key = elections_prefix + wish.name;
    const auto written = with.change(storage::txn{{storage::absent(key)}, {storage::put{key, encode(*charter), 0, false, false}}, {}});
    if (!written) return unexpected{written.error()};
    there = find_election(with, wish.name);
    if (!there) return unexpected{there.error()};
    if (!*there) return unexpected{refuse("'" + wish.name + "' was removed in this moment: try again")};
  }
  if (const auto no = contradiction(wish, (*there)->charter)) return unexpected{*no};
  return std::move(**there);
}

exit_code remove_election(client& with, const std::string& name) {
  const auto said = with.change(storage::erase{storage::one(elections_prefix + name), false});
  if (!said) return fail(said.error());
  const auto* done = std::get_if<storage::erase_done>(&said->what);
  if (done == nullptr) return fail(exit_code::unknown, "the map's answer makes no sense to this program");
  if (done->count == 0) return fail(exit_code::not_done, "no election by algorithm is named '" + name + "'");
  std::cout << "'" << name << "' is removed\n";
  return exit_code::done;
}

int stand_in(client& with, const founded_election& what, const election_stand& how) {
  auto keeper = with.elections();
  if (!keeper) return static_cast<int>(fail(exit_code::not_acquired, keeper.error().sentence));
  return standing{with, what, how}.run(*keeper);
}

exit_code show_election(client& with, const std::string& name, bool watch, bool as_json) {
  auto keeper = with.elections();
  if (!keeper) return fail(keeper.error());
  caf::scoped_actor self{with.system()};
  self->monitor(*keeper);
  std::optional<election_view> seen;
  caf::error why;
  // The charter may be on its way to this node.
  for (const auto last = clock::now() + milliseconds{5'000}; !seen && clock::now() < last && !interrupted();) {
    self->request(*keeper, milliseconds{5'000}, election_follow{name, watch ? caf::actor_cast<caf::actor>(self) : caf::actor{}})
        .receive([&](election_view& v) { seen = std::move(v); }, [&](caf::error& e) { why = std::move(e); });
    if (!seen && why != errc::not_ready) return fail(why);
    if (!seen) self->receive([](const election_view&) {}, caf::after(milliseconds{50}) >> [] {});
  }
  if (!seen) return fail(why);
  print(*seen, as_json);
  bool gone = false;
  auto said = sentence(*seen);
  while (watch && !gone && !interrupted())
    self->receive(
        [&](const election_view& v) {
          if (sentence(v) == said) return;
          said = sentence(v);
          if (as_json)
            print(v, true);
          else
            std::cout << said << std::endl;
        },
        [&](const caf::down_msg&) { gone = true; }, caf::after(milliseconds{100}) >> [] {});
  return gone ? fail(exit_code::no_node, "node " + with.node() + " does not answer any more") : exit_code::done;
}
}  // namespace troupe::program
