// Electors of every algorithm as actors: leaders that die, are cut off and come back, disks, members that are not eager.
#include "actors/election/elector_actor.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/journal/memory.hpp"
#include "runtime/metrics.hpp"
#include "runtime/peers.hpp"
#include "runtime/simulator.hpp"

#include <map>
#include <set>

#include <caf/all.hpp>
#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::election;
using namespace std::chrono_literals;

struct plan {
  std::string algorithm = "raft";
  server members = 3, observers = 0;
  std::uint64_t seed = 1;
  bool keep_incumbent = false;
  std::set<server> reluctant{};
};

// Members in one simulated system. Each has a way to each other one, which can be cut, and a disk.
class company {
 public:
  explicit company(plan p) : sim{p.seed, register_elector_types}, p_{std::move(p)} {
    nodes_.resize(p_.members + p_.observers);
    for (server s = 0; s < size(); ++s) {
      nodes_[s].disk = std::make_shared<journal::memory_disk>();
      nodes_[s].store = *journal::open_memory_store(
          nodes_[s].disk,
          {.node = name(s), .syncing = [this](auto ends) { syncs_.push_back(std::move(ends)); }});
      nodes_[s].eager = !p_.reluctant.contains(s);
    }
    watcher_ = sim.spawn([this](caf::event_based_actor*) {
      return caf::behavior{[this](const believes& b) { heard(b); }};
    });
    for (server s = 0; s < size(); ++s) start(s);
  }
  ~company() {
    for (auto& n : nodes_)
      if (n.it) caf::anon_send_exit(n.it, caf::exit_reason::kill);
    caf::anon_send_exit(watcher_, caf::exit_reason::kill);
    sim.settle();
    for (auto& ends : std::exchange(syncs_, {})) ends();
    sim.settle();
  }

  server size() const { return static_cast<server>(nodes_.size()); }
  static std::string name(server s) { return std::string(1, static_cast<char>('a' + s)); }
  void start(server s) {
    auto& n = nodes_[s];
    auto log = n.store->open("election.e");
    auto found = log->load();
    REQUIRE(found);
    setting how{.self = s,
                .keep_incumbent = p_.keep_incumbent,
                .seed = p_.seed * 100 + s,
                .eager = n.eager};
    std::vector<std::string> names;
    for (server m = 0; m < size(); ++m) {
      (m < p_.members ? how.members : how.observers).push_back(m);
      names.push_back(name(m));
    }
    n.it =
        spawn_elector(sim.system, {.election = name(s),  // so that its beliefs say whose they are
                                   .which = algorithm_named(p_.algorithm),
                                   .how = how,
                                   .names = names,
                                   .log = log,
                                   .kept = found->state});
    caf::anon_send(n.it, tell_beliefs{watcher_});
    for (server m = 0; m < size(); ++m) {
      if (m == s || !nodes_[m].it) continue;
      caf::anon_send(n.it, peer_up{name(m), way(s, m)});
      caf::anon_send(nodes_[m].it, peer_up{name(s), way(m, s)});
    }
  }
  void kill(server s, bool noticed = true) {
    auto& n = nodes_[s];
    caf::anon_send_exit(std::exchange(n.it, nullptr), caf::exit_reason::kill);
    sim.settle();
    n.disk->crash(chance_, true);
    n.store = *journal::open_memory_store(n.disk, {.node = name(s), .syncing = [this](auto ends) {
                                                     syncs_.push_back(std::move(ends));
                                                   }});
    n.said = {};
    if (!noticed) return;
    for (server m = 0; m < size(); ++m)
      if (nodes_[m].it) caf::anon_send(nodes_[m].it, peer_down{name(s)});
  }
  void cut(const std::set<server>& side, bool open = false) {
    for (server a = 0; a < size(); ++a)
      for (server b = 0; b < size(); ++b)
        if (side.contains(a) != side.contains(b)) open_[{a, b}] = open;
  }
  void heal() { open_.clear(); }
  template <class What>
  void tell(server s, What what) {
    nodes_[s].eager = nodes_[s].eager || std::is_same_v<What, stand>;
    caf::anon_send(nodes_[s].it, what);
  }
  const believes& said(server s) const { return nodes_[s].said; }
  bool runs(server s) const { return nodes_[s].it != nullptr; }
  // All that run, but for those left out, follow one of them that leads; -1: not so.
  int leader(const std::set<server>& without = {}) const {
    int found = -1;
    std::uint64_t term = 0;
    for (server s = 0; s < size(); ++s)
      if (runs(s) && !without.contains(s) && said(s).as == standing::leading) {
        if (found >= 0) return -1;
        found = static_cast<int>(s);
        term = said(s).term;
      }
    if (found < 0) return -1;
    for (server s = 0; s < size(); ++s)
      if (runs(s) && !without.contains(s) && !said(s).rests &&
          (said(s).leader != name(static_cast<server>(found)) || said(s).term != term))
        return -1;
    return found;
  }
  int elect(const std::set<server>& without = {}, laboratory::duration limit = 10s) {
    run_until([&] { return leader(without) >= 0; }, limit);
    return leader(without);
  }
  bool run_until(const std::function<bool()>& holds, laboratory::duration limit) {
    const auto end = sim.now() + limit;
    while (!holds() && sim.now() < end) run_for(5ms);
    return holds();
  }
  void run_for(laboratory::duration d) {
    for (const auto end = sim.now() + d; sim.now() < end;) {
      sim.run_for(1ms);
      for (auto& ends : std::exchange(syncs_, {})) ends();  // a sync takes a millisecond
    }
  }

  laboratory::simulator sim;
  // What every member has ever said of itself.
  std::map<std::uint64_t, std::set<std::string>> leaders_of;  // by term
  std::vector<std::string> wrong;
  std::set<server> leading_now() const {
    std::set<server> all;
    for (server s = 0; s < size(); ++s)
      if (runs(s) && said(s).as == standing::leading) all.insert(s);
    return all;
  }

 private:
  void heard(const believes& b) {
    const auto s = static_cast<server>(b.election[0] - 'a');
    auto& n = nodes_[s];
    if (!n.it) return;
    if (b.term < n.highest)
      wrong.push_back(b.election + " goes back to term " + std::to_string(b.term));
    n.highest = std::max(n.highest, b.term);
    if (s >= p_.members && (b.as == standing::leading || b.as == standing::following))
      wrong.push_back("observer " + b.election + " has a voice");
    if (b.as == standing::leading) leaders_of[b.term].insert(b.election);
    n.said = b;
  }
  caf::actor way(server from, server to) {
    return sim.spawn([this, from, to](caf::event_based_actor*) {
      return caf::behavior{[this, from, to](const word& w) {
        const auto at = open_.find({from, to});
        if ((at == open_.end() || at->second) && nodes_[to].it) caf::anon_send(nodes_[to].it, w);
      }};
    });
  }
  struct node {
    std::shared_ptr<journal::memory_disk> disk;
    journal::store_ptr store;
    caf::actor it;
    believes said{};
    std::uint64_t highest = 0;
    bool eager = true;
  };
  plan p_;
  simulation::generator chance_{p_.seed};
  std::vector<node> nodes_;
  std::map<std::pair<server, server>, bool> open_;
  std::vector<std::function<void()>> syncs_;
  caf::actor watcher_;
};
}  // namespace

TEST_CASE("elector actor: each algorithm has one leader, another when it dies, and terms rise") {
  for (const auto& a : algorithms())
    for (const server n : {3U, 5U})
      for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(std::string{a.name});
        CAPTURE(n);
        CAPTURE(seed);
        company c{{.algorithm = std::string{a.name}, .members = n, .seed = seed}};
        const auto first = c.elect();
        REQUIRE(first >= 0);
        const auto term = c.said(static_cast<server>(first)).term;
        c.run_for(3s);
        CHECK(c.leader() == first);
        c.kill(static_cast<server>(first), seed % 2 == 0);
        const auto second = c.elect();
        REQUIRE(second >= 0);
        CHECK(second != first);
        CHECK(c.said(static_cast<server>(second)).term > term);
        c.start(static_cast<server>(first));
        REQUIRE(c.elect() >= 0);
        if (a.name == "bully") {
          CHECK(c.run_until([&] { return c.leader() == static_cast<int>(n) - 1; }, 5s));
        }
        CHECK(c.wrong == std::vector<std::string>{});
      }
}

TEST_CASE("elector actor: an operator sees elections won, messages by kind, and the term") {
  for (const auto& a : algorithms()) {
    CAPTURE(std::string{a.name});
    const auto won = [&] {
      return metrics::counter("troupe_elections_won_total", "", {{"algorithm", a.name}}).value();
    };
    const auto before = won();
    company c{{.algorithm = std::string{a.name}}};
    const auto leads = c.elect();
    REQUIRE(leads >= 0);
    CHECK(won() > before);
    const auto& said = c.said(static_cast<server>(leads));
    CHECK(metrics::gauge("troupe_election_term", "", {{"election", said.election}}).value() ==
          static_cast<double>(said.term));
    const auto sent =
        "troupe_election_messages_total{algorithm=\"" + std::string{a.name} + "\",kind=\"";
    const auto all = metrics::expose();
    CHECK(all.find(sent + "life\"}") != std::string::npos);
    std::size_t kinds = 0;
    for (auto at = all.find(sent); at != std::string::npos; at = all.find(sent, at + 1)) ++kinds;
    CHECK(kinds >= 3);
  }
}

TEST_CASE("elector actor: a bully that comes back takes over, unless the incumbent stays") {
  for (const bool stays : {false, true}) {
    CAPTURE(stays);
    company c{{.algorithm = "bully", .members = 5, .keep_incumbent = stays}};
    REQUIRE(c.elect() >= 0);
    c.run_for(2s);
    REQUIRE(c.leader() == 4);
    c.kill(4);
    REQUIRE(c.elect() == 3);
    c.start(4);
    c.run_for(5s);
    CHECK(c.leader() == (stays ? 3 : 4));
    CHECK(c.wrong == std::vector<std::string>{});
  }
}

TEST_CASE(
    "elector actor: a bully's partition has a leader on each side, and one once it is healed") {
  company c{{.algorithm = "bully", .members = 5}};
  REQUIRE(c.elect() >= 0);
  c.run_for(2s);
  REQUIRE(c.leader() == 4);
  c.cut({0, 1});
  c.run_for(3s);
  CHECK(c.leading_now() == std::set<server>{1, 4});  // its stated weakness
  c.heal();
  c.run_for(3s);
  CHECK(c.leader() == 4);
}

TEST_CASE("elector actor: a leader that is cut off is followed by another where a majority is") {
  for (const auto* name : {"raft", "zab"})
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      CAPTURE(std::string{name});
      CAPTURE(seed);
      company c{{.algorithm = name, .members = 5, .seed = seed}};
      const auto first = c.elect();
      REQUIRE(first >= 0);
      const auto old = static_cast<server>(first);
      const auto term = c.said(old).term;
      c.cut({old});
      REQUIRE(c.elect({old}) >= 0);
      REQUIRE(c.run_until([&] { return c.said(old).as != standing::leading; }, 2s));
      c.heal();
      REQUIRE(c.elect() >= 0);
      CHECK(c.said(old).term > term);
      CHECK(c.wrong == std::vector<std::string>{});
    }
}

TEST_CASE("elector actor: the word of a life that is over is not obeyed") {
  for (const auto& a : algorithms()) {
    CAPTURE(std::string{a.name});
    company c{{.algorithm = std::string{a.name}}};
    const auto first = c.elect();
    REQUIRE(first >= 0);
    // What the leader says in its first life, held back at the door of another member.
    std::vector<word> late;
    const auto other = static_cast<server>(first == 0 ? 1 : 0);
    auto ear = c.sim.spawn([&late](caf::event_based_actor*) {
      return caf::behavior{[&late](const word& w) { late.push_back(w); }};
    });
    c.tell(static_cast<server>(first), peer_up{company::name(other), ear});
    c.run_until([&] { return late.size() > 3; }, 2s);
    REQUIRE(late.size() > 3);
    c.kill(static_cast<server>(first));
    REQUIRE(c.elect() >= 0);
    c.start(static_cast<server>(first));
    REQUIRE(c.elect() >= 0);
    c.run_for(2s);
    const auto before = c.said(other);
    for (const auto& w : late) c.tell(other, w);
    c.sim.settle();
    CHECK(c.said(other).leader == before.leader);
    CHECK(c.said(other).term == before.term);
    CHECK(c.said(other).as == before.as);
  }
}

TEST_CASE("elector actor: all crash at once, and terms go on from disk") {
  for (const auto& a : algorithms())
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(std::string{a.name});
      CAPTURE(seed);
      company c{{.algorithm = std::string{a.name}, .seed = seed}};
      REQUIRE(c.elect() >= 0);
      std::uint64_t highest = 0;
      for (int turn = 0; turn < 4; ++turn) {
        const auto leader = c.elect();
        REQUIRE(leader >= 0);
        const auto term = c.said(static_cast<server>(leader)).term;
        CHECK(term > highest);
        highest = term;
        for (server s = 0; s < 3; ++s) c.kill(s, false);
        c.sim.settle();
        for (server s = 0; s < 3; ++s) c.start(s);
        c.run_until([&] { return c.leader() < 0; }, 1s);
      }
      CHECK(c.wrong == std::vector<std::string>{});
      if (a.majority)
        for (const auto& [t, whose] : c.leaders_of) CHECK(whose.size() == 1);
    }
}

TEST_CASE("elector actor: observers follow, never lead, and make no majority") {
  for (const auto* name : {"raft", "zab"}) {
    CAPTURE(std::string{name});
    company c{{.algorithm = name, .members = 3, .observers = 2}};
    REQUIRE(c.elect() >= 0);
    for (const server o : {3U, 4U}) CHECK(c.said(o).as == standing::observing);
    c.kill(0);
    c.kill(1);
    c.run_for(5s);
    CHECK(c.leading_now().empty());
    c.start(1);
    REQUIRE(c.elect() >= 0);
    CHECK(c.wrong == std::vector<std::string>{});
  }
}

TEST_CASE("elector actor: no two lead in one term, whoever is cut off, killed or gives up") {
  for (const auto* name : {"raft", "zab"})
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      CAPTURE(std::string{name});
      CAPTURE(seed);
      const server n = seed % 2 ? 3 : 5;
      company c{{.algorithm = name, .members = n, .seed = seed}};
      simulation::generator chance{seed};
      const auto one = [&] { return static_cast<server>(chance() % n); };
      for (int turn = 0; turn < 12; ++turn) {
        c.run_for(std::chrono::milliseconds{20 + chance() % 700});
        switch (chance() % 6) {
          case 0:
            c.cut({one()});
            break;
          case 1:
            c.cut({one(), one()});
            break;
          case 2:
            c.heal();
            break;
          case 3:
            if (const auto s = one(); c.runs(s)) c.kill(s, chance() % 2);
            break;
          case 4:
            if (const auto s = one(); c.runs(s)) c.tell(s, renew{});
            break;
          default:
            for (server s = 0; s < n; ++s)
              if (!c.runs(s)) c.start(s);
        }
      }
      for (const auto& [term, whose] : c.leaders_of) CHECK(whose.size() == 1);
      c.heal();
      for (server s = 0; s < n; ++s)
        if (!c.runs(s)) c.start(s);
      CHECK(c.elect({}, 20s) >= 0);
      CHECK(c.wrong == std::vector<std::string>{});
    }
}

TEST_CASE("elector actor: who is eager leads, and who is not only where nobody else can") {
  for (const auto* name : {"raft", "zab"})
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      CAPTURE(std::string{name});
      CAPTURE(seed);
      company c{{.algorithm = name, .members = 3, .seed = seed, .reluctant = {1, 2}}};
      CHECK(c.elect() == 0);
      c.kill(0);
      REQUIRE(c.elect() > 0);  // somebody must
      const auto heir = static_cast<server>(c.leader());
      c.start(0);
      REQUIRE(c.elect() >= 0);
      if (c.leader() == static_cast<int>(heir))
        c.tell(heir, renew{});  // as who has no contender does
      c.run_until([&] { return c.leader() == 0; }, 5s);
      CHECK(c.leader() == 0);
    }
}

TEST_CASE("elector actor: a bully that is not eager rests, and stands once it is") {
  company c{{.algorithm = "bully", .members = 3, .reluctant = {1, 2}}};
  CHECK(c.elect() == 0);
  CHECK(c.said(2).rests);
  c.tell(1, stand{true});
  CHECK(c.run_until([&] { return c.leader() == 1; }, 3s));
  CHECK(c.said(2).rests);
  c.tell(1, stand{false});
  CHECK(c.run_until([&] { return c.leader() == 0; }, 3s));
  CHECK(c.wrong == std::vector<std::string>{});
}

TEST_CASE("elector actor: a leader that gives up leads again in a later term at the soonest") {
  for (const auto& a : algorithms()) {
    CAPTURE(std::string{a.name});
    company c{{.algorithm = std::string{a.name}}};
    const auto first = c.elect();
    REQUIRE(first >= 0);
    const auto term = c.said(static_cast<server>(first)).term;
    c.tell(static_cast<server>(first), renew{});
    CHECK(c.run_until(
        [&] {
          const auto& said = c.said(static_cast<server>(first));
          return said.as != standing::leading || said.term > term;
        },
        100ms));
    REQUIRE(c.elect({}, 3s) >= 0);
    CHECK(c.said(static_cast<server>(c.leader())).term > term);
  }
}
