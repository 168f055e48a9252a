// troupe elect --compare: the electors side by side.
#include "cluster/program/elect_compare.hpp"

#include "cluster/program/json.hpp"
#include "cluster/program/picture.hpp"
#include "cluster/program/table.hpp"
#include "patterns/election/comparison.hpp"

#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace troupe::program {
namespace {
using json = nlohmann::ordered_json;
double ms(election::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

void show_json(const std::vector<election::measured>& all) {
  json rows = json::array(), texts = json::array();
  for (const auto& m : all) {
    json row{{"algorithm", m.algorithm}, {"members", m.members}, {"event", m.event}, {"messages", m.messages},
             {"kinds", m.kinds}, {"agreed_after_ms", ms(m.agreed_after)}, {"takeovers", m.takeovers}};
    if (m.most > 0) row.update({{"formula_least", m.least}, {"formula_most", m.most}});
    rows.push_back(std::move(row));
  }
  for (const auto& a : election::algorithms())
    texts.push_back({{"algorithm", a.name}, {"promises", a.promises}, {"formula", a.messages}});
  std::cout << one_line(json{{"measured", rows}, {"algorithms", texts}}) << '\n';
}

picture drawn(const std::vector<election::measured>& all) {
  picture p{"Messages until all agree, after the leader has died", "members", "messages", {}};
  for (const auto& a : election::algorithms()) {
    curve is{std::string{a.name}, {}}, most{std::string{a.name} + ", at most", {}, true};
    for (const auto& m : all)
      if (m.algorithm == a.name && m.event == "the leader dies") {
        is.points.emplace_back(m.members, static_cast<double>(m.messages));
        most.points.emplace_back(m.members, static_cast<double>(m.most));
      }
    p.curves.push_back(std::move(is));
    p.curves.push_back(std::move(most));
  }
  return p;
}
}  // namespace

exit_code compare_elections(const comparison_options& given) {
  const auto all = election::compare(given.members, !given.unnoticed);
  if (!given.svg.empty())
    if (const auto why = write_picture(given.svg, drawn(all)); !why.empty()) return fail(exit_code::not_done, why);
  if (given.as_json) {
    show_json(all);
    return exit_code::done;
  }
  table rows{{"ALGORITHM", "MEMBERS", "EVENT", "MESSAGES", "FORMULA", "ALL AGREE AFTER", "TAKEOVERS"}};
  for (const auto& m : all)
    rows.add({m.algorithm, std::to_string(m.members), m.event, std::to_string(m.messages),
              m.most > 0 ? fmt::format("{} to {}", m.least, m.most) : "-", fmt::format("{:.1f} ms", ms(m.agreed_after)),
              m.event == "it comes back" ? std::to_string(m.takeovers) : "-"});
  std::cout << rows.text();
  return exit_code::done;
}
}  // namespace troupe::program
