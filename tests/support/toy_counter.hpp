// A toy for the simulator's own tests: members count additions of their own, tell each other, and
// keep what they have acknowledged on disk. `mistakes` are bugs to be found.
#pragma once
#include "patterns/simulation/world.hpp"

#include <algorithm>
#include <map>
#include <set>
namespace troupe::test {
namespace sim = troupe::simulation;
using namespace std::chrono_literals;

struct toy_mistakes {
  bool unpersisted = false;  // acknowledges without a record
  bool adds_twice = false;   // takes a repeated message for another addition
  bool trusts_disk = false;  // reads records without their checksum
  bool never_again = false;  // tells its state once, whatever is lost
};
struct toy_message {
  std::uint32_t from = 0;
  std::uint64_t total = 0;
};
struct toy_add {};
struct toy_event {  // what the world may hold a member to
  std::uint64_t acknowledged = 0;
};
TROUPE_MESSAGE(toy_event, acknowledged)

class toy_counter {
 public:
  using message = toy_message;
  using command = toy_add;
  using event = toy_event;
  using output = sim::effects<message, event>;
  toy_counter(const sim::life& of, std::uint32_t members, toy_mistakes how)
      : self_(of.self), members_(members), how_(how), next_(of.now) {
    for (const auto& r : of.persisted.records()) {
      if (!how_.trusts_disk && !r.intact()) break;
      totals_[self_] = std::stoull("0" + r.bytes);
    }
  }
  void command_given(const toy_add&, sim::instant, output& out) {
    ++totals_[self_];
    if (!how_.unpersisted) out.persist.push_back(std::to_string(totals_[self_]));
    out.events.push_back({totals_[self_]});
    tell(out);
  }
  void receive(sim::member, message m, sim::instant, output&) {
    auto& known = totals_[m.from];
    if (how_.adds_twice) {
      known += m.total > known ? m.total - known : m.total == known ? 1 : 0;
    } else {
      known = std::max(known, m.total);
    }
  }
  void tick(sim::instant now, output& out) {
    next_ = now + 100ms;
    if (!how_.never_again) tell(out);
  }
  sim::instant due() const { return next_; }
  std::uint64_t of(std::uint32_t m) const {
    const auto at = totals_.find(m);
    return at == totals_.end() ? 0 : at->second;
  }
  std::uint64_t total() const {
    std::uint64_t all = 0;
    for (const auto& [m, n] : totals_) all += n;
    return all;
  }

 private:
  void tell(output& out) {
    for (std::uint32_t to = 0; to < members_; ++to) {
      if (to != self_) out.send.push_back({to, {self_, totals_[self_]}});
    }
  }
  std::uint32_t self_, members_;
  toy_mistakes how_;
  std::map<std::uint32_t, std::uint64_t> totals_;
  sim::instant next_;
};

class toy_world : public sim::world<toy_counter> {
 public:
  toy_world(std::uint64_t seed, std::uint32_t members, toy_mistakes how = {}, bool lines = false)
      : world(seed, {}, lines) {
    for (std::uint32_t i = 0; i < members; ++i) {
      add([=](const sim::life& of) { return toy_counter{of, members, how}; });
    }
    always("nobody knows of more than was added", [](const auto& w, sim::member m) {
      for (sim::member of = 0; of < w.size(); ++of) {
        if (w.at(m)->of(of) > static_cast<const toy_world&>(w).given[of]) {
          return "of " + sim::name_of(of) + " it knows " + std::to_string(w.at(m)->of(of));
        }
      }
      return std::string{};
    });
    within("what was acknowledged is known to all", 1s, [](const auto& w) {
      for (const auto& e : w.events()) {
        for (sim::member m = 0; m < w.size(); ++m) {
          if (w.at(m) == nullptr || w.at(m)->of(e.node) >= e.what.acknowledged) continue;
          return w.name(m) + " knows " + std::to_string(w.at(m)->of(e.node)) + " of " +
                 w.name(e.node) + ", which acknowledged " + std::to_string(e.what.acknowledged);
        }
      }
      return std::string{};
    });
  }
  void load(unsigned additions, sim::duration apart) {
    given.resize(size());
    for (unsigned i = 0; i < additions; ++i) {
      call(apart * i, [](sim::world<toy_counter>& w) {
        const auto m = static_cast<sim::member>(w.chance().below(w.size()));
        ++static_cast<toy_world&>(w).given[m];
        w.give(m, {});
      });
    }
  }
  std::vector<std::uint64_t> given;
};

inline sim::verdict run_toy(const sim::plan& p, toy_mistakes how, std::string* lines = nullptr) {
  toy_world w{p.seed, p.members, how, lines != nullptr};
  w.load(40, 50ms);
  const auto v = w.run(p);
  if (lines != nullptr) *lines = w.log().text();
  return v;
}
}  // namespace troupe::test
