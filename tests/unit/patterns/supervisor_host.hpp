// A host for a supervisor's core that carries out everything at once, and writes down what it was told to do.
#pragma once
#include "patterns/resilience/supervisor.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>
namespace troupe::supervisor {
using namespace std::chrono_literals;

inline child_spec spec(std::string id, restart kind = restart::permanent) {
  return {.id = std::move(id), .kind = kind};
}

inline std::string text(const action& a) {
  const char* const words[] = {"start ", "stop ", "kill "};
  return words[static_cast<int>(a.what)] + a.id;
}

class host {
 public:
  host(settings how, std::vector<child_spec> children, std::uint64_t seed = 1)
      : core_{how, children, seed} {}

  host& give(const input& in) {
    output out;
    core_.step(in, now, out);
    take(out);
    return *this;
  }
  host& begin() { return give(start{}); }
  host& dies(const std::string& id, ending how = ending::abnormal) {
    const auto run = runs.at(id);
    runs.erase(id);
    return give(exited{id, run, how});
  }
  host& wait(nanoseconds d) {
    now += d;
    return give(tick{});
  }
  // what was done since the last look
  std::string did() {
    auto all = std::move(done);
    done.clear();
    return all;
  }
  const child* find(const std::string& id) const {
    for (const auto& c : core_.children())
      if (c.spec.id == id) return &c;
    return nullptr;
  }

  instant now{};
  std::string done;
  std::map<std::string, std::uint64_t> runs;  // what runs
  std::set<std::string> cannot_start, stubborn, immortal;
  std::vector<reply> replies;
  std::vector<event> events;
  std::optional<end> ended;
  std::optional<instant> wake;

 private:
  void take(const output& out) {
    for (const auto& a : out.act) done += (done.empty() ? "" : ", ") + text(a);
    replies.insert(replies.end(), out.replies.begin(), out.replies.end());
    events.insert(events.end(), out.events.begin(), out.events.end());
    if (out.ended) ended = out.ended;
    wake = out.wake;
    for (const auto& a : out.act) obey(a);
  }
  void obey(const action& a) {
    if (a.what == verb::launch && cannot_start.count(a.id)) {
      give(start_failed{a.id, a.run});
    } else if (a.what == verb::launch) {
      runs[a.id] = a.run;
      give(started{a.id, a.run});
    } else if (immortal.count(a.id) || (a.what == verb::ask_to_stop && stubborn.count(a.id))) {
      return;
    } else {
      runs.erase(a.id);
      give(exited{a.id, a.run, a.what == verb::kill ? ending::abnormal : ending::shutdown});
    }
  }
  core core_;
};

inline settings of(strategy how, std::uint32_t intensity = 10) {
  return {.how = how, .intensity = intensity};
}
inline const std::vector<child_spec> abc{spec("a"), spec("b"), spec("c")};

}  // namespace troupe::supervisor
