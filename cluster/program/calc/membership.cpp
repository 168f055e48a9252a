// Detectors, Lifeguard's formulas, dissemination, downing and the first start.
#include "cluster/program/calc/calc.hpp"
#include "patterns/membership/bootstrap.hpp"
#include "patterns/membership/detector.hpp"
#include "patterns/membership/dissemination.hpp"
#include "patterns/membership/downing.hpp"
#include "patterns/membership/lifeguard.hpp"

#include <algorithm>

namespace troupe::program::calc {
namespace {
using namespace membership;

std::vector<std::string> texts(const json& in, const char* name) {
  return in.at(name).get<std::vector<std::string>>();
}

// Heartbeats as the intervals say, then so much silence.
template <class Detector>
json silent(Detector& d, const json& in, double threshold) {
  instant now{};
  d.heartbeat(now);
  for (const auto& interval : in.at("intervals"))
    d.heartbeat(now += duration{interval.get<std::int64_t>()});
  now += time_of(in, "silence");
  return {
      {"suspicion", d.suspicion(now)}, {"threshold", threshold}, {"available", d.available(now)}};
}

answer run_phi(const json& in) {
  phi_options how;
  how.threshold = in.at("threshold");
  how.window = in.at("window");
  how.deviation_min = time_of(in, "deviation_min");
  how.pause_acceptable = time_of(in, "pause_acceptable");
  how.first_interval = time_of(in, "first_interval");
  if (how.window == 0) return unexpected{std::string{"'window' must hold an interval at least"}};
  phi_accrual d{how};
  auto out = silent(d, in, how.threshold);
  out["mean"] = d.mean() * 1000;
  out["deviation"] = d.deviation() * 1000;
  out["intervals"] = d.intervals();
  return out;
}

answer run_deadline(const json& in) {
  if (time_of(in, "silence_max") <= duration{})
    return unexpected{std::string{"'silence_max' must be longer than nothing"}};
  deadline d{time_of(in, "silence_max")};
  return silent(d, in, 1);
}

calculation downing_calculation() {
  calculation c{"downing", "which members a side of a partition gives up",
                "Akka's Split Brain Resolver; patterns/membership/downing.hpp"};
  std::vector<std::string> strategies, states;
  for (const auto d : all_downings) strategies.emplace_back(to_string(d));
  for (const auto& e : enumerators_of<member_state>()) states.emplace_back(e.name);
  c.takes = {
      {"strategy", type::text, "who stays", "keep-majority", strategies},
      {"role", type::text, "count only members that have it; empty: all", ""},
      {"quorum", type::count, "static-quorum's size", 0},
      {"down_if_alone", type::truth, "an oldest that lost all others gives way", true},
      {"acquire_delay", type::time, "lease-majority: of all but the larger side", 2'000},
      {"members",
       type::objects,
       "as this side sees them",
       {},
       {},
       {{"name", type::text, "its name"},
        {"state", type::text, "its state", "up", states},
        {"age", type::count, "the lowest is the oldest; its place in the list unless given", 0},
        {"reachable", type::truth, "from this side", true},
        {"roles", type::texts, "what it is for", json::array()},
        {"cut_off", type::texts, "whom it says it cannot reach", json::array()}}}};
  c.gives =
      "verdict (nothing, down-others, down-us, down-everyone, acquire: the lease, and then "
      "down-others or down-us), "
      "down: the members that go, reason, after: how long it waits before it asks for the lease, "
      "in ms";
  c.example =
      R"({"strategy":"keep-majority","members":[{"name":"a"},{"name":"b"},{"name":"c","reachable":false}]})";
  c.run = [](const json& in) -> answer {
    strategy how{downing_of(in.at("strategy").get<std::string>()).value_or(downing::none),
                 in.at("role"), small(in, "quorum"), in.at("down_if_alone"),
                 time_of(in, "acquire_delay")};
    if (how.kind == downing::static_quorum && how.quorum == 0)
      return unexpected{std::string{"static-quorum needs 'quorum', its size"}};
    view members;
    std::uint64_t place = 0;
    for (const auto& m : in.at("members")) {
      record r{.id = {m.at("name"), "1"}};
      r.state =
          enum_from<member_state>(m.at("state").get<std::string>()).value_or(member_state::up);
      r.age = ++place;
      if (m.at("age") != 0) r.age = m.at("age");
      r.liveness = m.at("reachable").get<bool>() ? reach::alive : reach::unreachable;
      r.roles = texts(m, "roles");
      r.cut_off = texts(m, "cut_off");
      std::sort(r.roles.begin(), r.roles.end());
      std::sort(r.cut_off.begin(), r.cut_off.end());
      if (!members.emplace(r.id, r).second)
        return unexpected{"there are two members '" + r.id.name + "'"};
    }
    const auto d = decide(members, how);
    json out{
        {"verdict", std::string{to_string(d.what)}}, {"down", json::array()}, {"reason", d.reason}};
    for (const auto& id : d.down) out["down"].push_back(id.name);
    if (d.what == verdict::acquire) out["after"] = milliseconds_of(d.after);
    return out;
  };
  return c;
}

answer run_bootstrap(const json& in) {
  const auto silence = time_of(in, "after");
  if (silence > std::chrono::hours{24}) return unexpected{std::string{"'after' is at most a day"}};
  bootstrap b{
      in.at("self"),
      texts(in, "seeds"),
      texts(in, "known"),
      {std::chrono::milliseconds{250}, time_of(in, "form_after"), time_of(in, "reform_after")},
      instant{}};
  for (const auto& address : in.at("forming")) b.forming(address);
  auto out = b.step(instant{});
  auto forms = out.form;
  json at;
  if (forms) at = 0;
  for (instant now{}; !forms && b.due() <= silence;) {
    now = std::max(now + duration{1}, b.due());
    out = b.step(now);
    forms = out.form;
    if (forms) at = milliseconds_of(now);
  }
  return json{{"forms", forms}, {"at", at}, {"asks", out.ask}};
}
}  // namespace

std::vector<calculation> of_membership() {
  const field intervals{"intervals", type::times, "between heartbeats that have come",
                        json::array()};
  const field silence{"silence", type::time, "since the last one"};
  return {
      {"phi",
       "how suspicious a silence is: the phi accrual failure detector",
       "N. Hayashibara et al., \"The phi Accrual Failure Detector\", SRDS 2004, section 4; "
       "patterns/membership/detector.hpp",
       {intervals,
        silence,
        {"threshold", type::number, "phi from which on it is unavailable", 8},
        {"window", type::count, "intervals remembered", 200},
        {"deviation_min", type::time, "the standard deviation is taken for this at least", 100},
        {"pause_acceptable", type::time, "added to the mean; the paper has none", 0},
        {"first_interval", type::time,
         "guessed before any is known, with a quarter of it as deviation", 1000}},
       "suspicion: phi, available, threshold; mean, deviation: of the window, in ms; intervals: "
       "how many it holds",
       R"({"intervals":[1000,1000,1000,1000],"silence":1200})",
       run_phi},
      {"phi-of",
       "phi of a silence, given the mean and the deviation of the intervals",
       "N. Hayashibara et al., SRDS 2004, section 4.3: -log10(1 - F(silence)); "
       "patterns/membership/detector.hpp",
       {{"silence", type::number, "in any unit"},
        {"mean", type::number, "in the same"},
        {"deviation", type::number, "in the same"}},
       "phi",
       R"({"silence":1200,"mean":1000,"deviation":100})",
       [](const json& in) -> answer {
         return json{{"phi", phi(in.at("silence"), in.at("mean"), in.at("deviation"))}};
       }},
      {"deadline",
       "the fixed-deadline failure detector",
       "patterns/membership/detector.hpp",
       {intervals, silence, {"silence_max", type::time, "unavailable from here on"}},
       "suspicion: the part of the deadline that has passed, available, threshold: 1",
       R"({"silence":1200,"silence_max":"2s"})",
       run_deadline},
      {"suspicion-timeout",
       "how long a member is suspected before it is called unreachable",
       "A. Dadgar, J. Phillips, J. Currey, \"Lifeguard\", DSN 2018, section IV.B; "
       "patterns/membership/lifeguard.hpp",
       {{"shortest", type::time, "with all confirmations"},
        {"longest", type::time, "without any"},
        {"confirmations", type::count, "that have come, from others than the first who suspects"},
        {"expected", type::count, "K: so many make it shortest", 3}},
       "timeout, in ms",
       R"({"shortest":"1.5s","longest":"6s","confirmations":1,"expected":3})",
       [](const json& in) -> answer {
         return json{{"timeout", milliseconds_of(suspicion_timeout(
                                     time_of(in, "shortest"), time_of(in, "longest"),
                                     small(in, "confirmations"), small(in, "expected")))}};
       }},
      {"local-health",
       "how much a member trusts itself after good and bad news of its own",
       "A. Dadgar, J. Phillips, J. Currey, \"Lifeguard\", DSN 2018, section IV.A; "
       "patterns/membership/lifeguard.hpp",
       {{"score_max", type::count, "S", 8},
        {"worse", type::count, "pieces of evidence against itself", 0},
        {"better", type::count, "probes that succeeded after those", 0},
        {"time", type::time, "a probe's interval or time-out", 500}},
       "score, and scaled: the time, in ms, for a member of that score",
       R"({"worse":3,"better":1,"time":"500ms"})",
       [](const json& in) -> answer {
         local_health h{small(in, "score_max")};
         h.worse(small(in, "worse"));
         for (auto n = std::min(h.score(), small(in, "better")); n > 0; --n) h.better();
         return json{{"score", h.score()},
                     {"scaled", milliseconds_of(h.scaled(time_of(in, "time")))}};
       }},
      {"transmissions",
       "how often a piece of news is passed on: lambda * log2(n + 1)",
       "A. Das, I. Gupta, A. Motivala, \"SWIM\", DSN 2002, section 4.1; "
       "patterns/membership/dissemination.hpp",
       {{"members", type::count, "n"}, {"factor", type::count, "lambda", 3}},
       "transmissions",
       R"({"members":100})",
       [](const json& in) -> answer {
         return json{{"transmissions", transmissions(small(in, "factor"), in.at("members"))}};
       }},
      downing_calculation(),
      {"bootstrap",
       "whether a node forms a cluster if none of those it asks is in one",
       "patterns/membership/bootstrap.hpp",
       {{"self", type::text, "its address"},
        {"seeds", type::texts, "addresses, the same list everywhere", json::array()},
        {"known", type::texts, "addresses of former members, of a node that was rebuilt",
         json::array()},
        {"forming", type::texts, "addresses that answer that they are in no cluster either",
         json::array()},
        {"after", type::time, "how long it is watched", 120'000},
        {"form_after", type::time, "a first seed without an answer", 3'000},
        {"reform_after", type::time, "a rebuilt node, if not all former members answer", 60'000}},
       "forms, at: after so many ms, asks: whom it asks at that time",
       R"({"self":"a:1","seeds":["a:1","b:1"],"forming":["b:1"]})",
       run_bootstrap},
  };
}
}  // namespace troupe::program::calc
