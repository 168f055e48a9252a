// troupe mutex --compare: the three algorithms of mutual exclusion side by side.
#include "cluster/program/command.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/picture.hpp"
#include "cluster/program/table.hpp"
#include "patterns/mutex/comparison.hpp"

#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace troupe::program {
namespace {
using json = nlohmann::ordered_json;
struct options {
  bool compare = false, as_json = false;
  std::vector<std::uint32_t> members{3, 5, 9, 25};
  std::string svg;
};

double ms(mutex::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

void show_json(const std::vector<mutex::cost>& costs, const std::vector<mutex::conduct>& conducts) {
  json rows = json::array(), troubles = json::array(), texts = json::array();
  for (const auto& c : costs)
    rows.push_back({{"algorithm", c.algorithm}, {"members", c.members}, {"messages_alone", c.alone},
                    {"messages_all_want", c.all_want}, {"formula_least", c.least}, {"formula_most", c.most},
                    {"enters_after_ms", ms(c.enters_after)}});
  for (const auto& c : conducts)
    troubles.push_back({{"algorithm", c.algorithm}, {"trouble", c.trouble}, {"next_after_ms", ms(c.next_after)},
                        {"believed_inside", c.inside}, {"accepted", c.accepted}});
  for (const auto& a : mutex::algorithms())
    texts.push_back({{"algorithm", a.name}, {"promises", a.promises}, {"crash", a.on_crash}, {"pause", a.on_pause},
                     {"partition", a.on_partition}, {"formula", a.formula}});
  std::cout << one_line(json{{"costs", rows}, {"conduct", troubles}, {"algorithms", texts}}) << '\n';
}

exit_code compare(const options& given) {
  if (!given.compare) return fail(exit_code::usage, "troupe mutex: --compare is what it does");
  const auto costs = mutex::costs(given.members);
  const auto conducts = mutex::conducts();
  if (!given.svg.empty()) {
    picture p{"Messages for one entry", "members", "messages", {}};
    for (const auto& a : mutex::algorithms()) {
      curve alone{std::string{a.name} + ", alone", {}}, all{std::string{a.name} + ", all want", {}, true};
      for (const auto& c : costs)
        if (c.algorithm == a.name) {
          alone.points.emplace_back(c.members, c.alone);
          all.points.emplace_back(c.members, c.all_want);
        }
      p.curves.push_back(std::move(alone));
      p.curves.push_back(std::move(all));
    }
    if (const auto why = write_picture(given.svg, p); !why.empty()) return fail(exit_code::not_done, why);
  }
  if (given.as_json) {
    show_json(costs, conducts);
    return exit_code::done;
  }
  table rows{{"ALGORITHM", "MEMBERS", "MESSAGES, ALONE", "ALL WANT", "FORMULA", "ENTERS AFTER"}};
  for (const auto& c : costs)
    rows.add({c.algorithm, std::to_string(c.members), fmt::format("{:.1f}", c.alone), fmt::format("{:.1f}", c.all_want),
              c.least == c.most ? std::to_string(c.least) : fmt::format("{} to {}", c.least, c.most),
              fmt::format("{:.2f} ms", ms(c.enters_after))});
  std::cout << rows.text() << '\n';
  table troubles{{"TROUBLE, FIVE MEMBERS", "ALGORITHM", "NEXT INSIDE AFTER", "BELIEVED INSIDE", "ACCEPTED"}};
  for (const auto& c : conducts)
    troubles.add({c.trouble, c.algorithm, fmt::format("{:.0f} ms", ms(c.next_after)), std::to_string(c.inside),
                  std::to_string(c.accepted)});
  std::cout << troubles.text();
  return exit_code::done;
}
}  // namespace

void add_mutex(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "mutex", "Compare algorithms of mutual exclusion", &compare, verb);
  verb->footer(
      "Centralised, Ricart-Agrawala and token ring on one simulated network (250 us a message; a detector that needs a\n"
      "second): messages an entry beside the textbook's formulas, and what a crash, a pause and a partition do.\n"
      "`accepted` counts those whom a resource lets act that refuses a fence below the highest it has seen.");
  verb->add_flag("--compare", given->compare, "run all three");
  verb->add_option("--members", given->members, "for these numbers of members: 3,5,9")->delimiter(',')->check(CLI::Range(2, 99));
  verb->add_option("--svg", given->svg, "and draw the messages into this file");
  verb->add_flag("--json", given->as_json, "as JSON");
}
}  // namespace troupe::program
