// Membership at 10, 100 and 1,000 members, under virtual time: the figures of the SWIM and Lifeguard papers.
//   messages        that a member sends in a second, when nothing happens
//   detection       a member dies without a word from the network: when the first of the others suspects it, when the
//                   first calls it unreachable, and when the last one does (median and 99th percentile of all deaths)
//   false_positives with a tenth of all messages lost, while nobody dies: suspicions, and members called unreachable or
//                   down, a member and hour
// The same without Lifeguard's local health and its falling suspicion time-out, as `swim`; the buddy system stays on.
//   membership-bench [MEMBERS...]
#include "patterns/membership/simulated.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

using namespace troupe::membership;
using namespace std::chrono_literals;
using troupe::simulation::conditions;
using troupe::simulation::member;
namespace {
double seconds(duration d) { return std::chrono::duration<double>(d).count(); }

void figure(const std::string& name, double value, const char* unit) {
  std::printf("{\"figure\":\"membership_%s\",\"value\":%.4g,\"unit\":\"%s\"}\n", name.c_str(),
              value, unit);
  std::fflush(stdout);
}

double percentile(std::vector<double> all, double part) {
  if (all.empty()) return -1;
  std::sort(all.begin(), all.end());
  const auto at = static_cast<std::size_t>(part * static_cast<double>(all.size() - 1) + 0.5);
  return all[at];
}

options lifeguard() { return {}; }
options swim_alone() {
  options o;
  o.health_max = 0;
  o.suspicion_max = o.suspicion_min;
  return o;
}

// What fits in a few seconds of processor time.
struct size {
  std::uint32_t members;
  duration quiet;   // how long messages are counted
  unsigned deaths;  // how many are measured
  duration lossy;   // how long false positives are
};

bool formed(town& w, std::uint32_t n) {
  w.without_notes();
  constexpr std::uint32_t batch = 10;  // a second: a thousand that join at once are another story
  for (std::uint32_t i = 0; i < n; i += batch) {
    w.cluster(std::min(batch, n - i));
    w.run_for(1s);
    w.forget_events();
  }
  const auto done = [&] {
    w.forget_events();  // n times n of them, while all get to know each other
    return w.one_view(n);
  };
  const bool all = w.run_until(done, 300s, 5s);
  if (!all) std::fprintf(stderr, "%u members did not form one cluster\n", n);
  return all;
}

void messages(town& w, const size& s, const std::string& name) {
  w.run_for(60s + s.members * 400ms);  // until the news of who has joined has been passed on
  const auto sent = [&] {
    std::uint64_t all = 0;
    for (member m = 0; m < w.size(); ++m) all += w.sent(m);
    return all;
  };
  const auto before = sent();
  w.run_for(s.quiet);
  figure(name + "_messages", static_cast<double>(sent() - before) / s.members / seconds(s.quiet),
         "1/s");
}

void detection(town& w, const size& s, const std::string& name) {
  std::vector<double> suspected, first, last;
  for (unsigned i = 0; i < s.deaths; ++i) {
    w.run_for(5s + w.chance().between({}, 1s));
    const auto victim = static_cast<member>(w.chance().below(w.size()));
    if (w.at(victim) == nullptr) continue;
    w.forget_events();
    const instant at = w.now();
    std::size_t others = 0;
    for (member m = 0; m < w.size(); ++m) others += w.at(m) != nullptr && m != victim ? 1 : 0;
    w.crash(victim);
    const auto saw = [&] { return w.count(event_kind::unreachable) >= others; };
    if (!w.run_until(saw, 60s, 10ms)) {
      std::fprintf(stderr, "a death was not seen by all within a minute\n");
      continue;
    }
    double suspicion = -1, verdict = -1, end = -1;
    for (const auto& e : w.events()) {
      if (e.what.member.id.name != town::name_of(victim)) continue;
      const double then = seconds(e.at - at);
      if (e.what.what == event_kind::suspected && suspicion < 0) suspicion = then;
      if (e.what.what != event_kind::unreachable) continue;
      if (verdict < 0) verdict = then;
      end = then;
    }
    suspected.push_back(suspicion);
    first.push_back(verdict);
    last.push_back(end);
    if (s.members > 100) continue;  // there are enough of them
    w.run_until([&] { return w.count(event_kind::removed) >= others; }, 60s, 100ms);
    w.start(victim);
    w.run_until([&] { return w.one_view(s.members); }, 60s, 100ms);
  }
  const std::pair<const char*, const std::vector<double>&> all[] = {
      {"first_suspicion", suspected}, {"first_verdict", first}, {"last_verdict", last}};
  for (const auto& [what, times] : all) {
    figure(name + '_' + what + "_median", percentile(times, 0.5), "s");
    figure(name + '_' + what + "_p99", percentile(times, 0.99), "s");
  }
}

void false_positives(town& w, const size& s, const std::string& name) {
  w.strike({.what = troupe::simulation::fault_kind::lose, .length = s.lossy, .amount = 100'000});
  std::size_t suspected = 0, unreachable = 0;
  for (duration done{}; done < s.lossy; done += 10s) {
    w.forget_events();
    w.run_for(10s);
    suspected += w.count(event_kind::suspected);
    unreachable += w.count(event_kind::unreachable);
  }
  // of whom, not by whom: a suspicion that all have heard of is one
  const double member_hours = s.members * seconds(s.lossy) / 3600;
  figure(name + "_loss_10_suspected", static_cast<double>(suspected) / s.members / member_hours,
         "1/h");
  figure(name + "_loss_10_unreachable", static_cast<double>(unreachable) / s.members / member_hours,
         "1/h");
}
// In one town after the other; the largest takes long to meet, and all is asked of it.
void all_of(const size& s, const options& how, const std::string& name, bool apart) {
  options alone = how;  // the count is of verdicts, not of what follows from them
  alone.resolving.how.kind = downing::none;
  conditions silent = town::usually();
  silent.notices = false;
  town w{1, apart ? how : alone, silent};
  if (!formed(w, s.members)) return;
  messages(w, s, name);
  detection(w, s, name);
  if (!apart) return false_positives(w, s, name);
  town lossy{3, alone};
  if (formed(lossy, s.members)) false_positives(lossy, s, name);
}
}  // namespace

int main(int argc, char** argv) {
  const size sizes[] = {{10, 600s, 200, 36000s}, {100, 60s, 50, 300s}, {1000, 10s, 10, 20s}};
  for (const auto& s : sizes) {
    const auto asked = [&](const char* text) {
      return std::strtoul(text, nullptr, 10) == s.members;
    };
    if (argc > 1 && std::none_of(argv + 1, argv + argc, asked)) continue;
    const auto name = std::to_string(s.members);
    all_of(s, lifeguard(), name, s.members < 1000);
    if (s.members < 1000) all_of(s, swim_alone(), name + "_swim", true);
  }
}
