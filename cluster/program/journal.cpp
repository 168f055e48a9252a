// troupe journal verify|show|repair DIR: what a node's journal holds, whether it is sound, and what to do if it is not.
#include "cluster/program/command.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/table.hpp"
#include "runtime/journal/inspect.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace troupe::program {
namespace {
struct options {
  std::string action;
  std::string directory;
  std::string group;
  std::uint64_t from = 0;
  std::string node;
  bool as_json = false;
};

std::string hex(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}
bool printable(const std::string& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}
std::string hex(const std::string& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}
std::string readable(const std::string& bytes) {
  constexpr std::size_t enough = 60;
  const auto part = bytes.substr(0, enough);
  return (printable(part) ? part : "0x" + hex(part)) + (bytes.size() > enough ? "..." : "");
}

nlohmann::ordered_json json_of(const journal::group_report& g) {
  nlohmann::ordered_json out{{"group", g.name}, {"sound", g.wrong.empty()}, {"state", g.state}};
  if (g.records.base > 0) out["snapshot"] = {{"index", g.records.base}, {"term", g.base_term}};
  if (!g.records.empty()) {
    out["first"] = g.records.first;
    out["last"] = g.records.last;
    out["term"] = g.last_term;
  }
  out["bytes"] = g.bytes;
  if (!g.wrong.empty()) out["wrong"] = g.wrong;
  return out;
}
void print(const std::vector<journal::group_report>& groups) {
  table rows{{"GROUP", "SNAPSHOT", "FIRST", "LAST", "TERM", "SIZE", "SOUND"}};
  for (const auto& g : groups) {
    const auto number = [&](std::uint64_t n) {
      return g.records.empty() ? std::string{"-"} : std::to_string(n);
    };
    rows.add({printable(g.name) ? g.name : "0x" + hex(g.name),
              g.records.base > 0 ? std::to_string(g.records.base) : "-", number(g.records.first),
              number(g.records.last), number(g.last_term), bytes_text(static_cast<double>(g.bytes)),
              g.wrong.empty() ? "yes" : "no: " + g.wrong});
  }
  std::cout << rows.text();
}

exit_code verify(const options& given) {
  const auto found = journal::verify(given.directory);
  if (!found) return fail(exit_code::not_done, found.error().sentence);
  const bool sound = found->sound();
  const auto directory = found->directory.string();
  if (given.as_json) {
    nlohmann::ordered_json out{{"directory", directory}, {"sound", sound}};
    if (found->of)
      out.update({{"node", found->of->node},
                  {"cluster", found->of->cluster},
                  {"life", hex(found->of->life)},
                  {"format", found->of->format}});
    auto& groups = out["groups"] = nlohmann::ordered_json::array();
    for (const auto& g : found->groups) groups.push_back(json_of(g));
    out["notes"] = found->notes;
    out["wrong"] = found->wrong;
    std::cout << one_line(out) << '\n';
    return sound ? exit_code::done : exit_code::not_done;
  }
  if (found->of)
    std::cout << "the journal of node " << found->of->node << " in " << directory << ", cluster "
              << (found->of->cluster.empty() ? "not known yet" : found->of->cluster) << ", life "
              << hex(found->of->life) << '\n';
  if (!found->groups.empty()) print(found->groups);
  for (const auto& note : found->notes) std::cout << "note: " << note << '\n';
  for (const auto& wrong : found->wrong) std::cout << "wrong: " << wrong << '\n';
  if (sound) {
    std::cout << "sound\n";
    return exit_code::done;
  }
  return fail(
      exit_code::not_done,
      "it is damaged. Its node does not start on it, so that nothing wrong is served. "
      "`troupe journal repair " +
          directory +
          "` copies it and keeps what is sound; where other nodes have the groups, an empty "
          "directory in its place is as good");
}

exit_code show(const options& given) {
  table rows{{"GROUP", "WHAT", "INDEX", "TERM", "SIZE", "BYTES"}};
  bool all_sound = true;
  const auto seen =
      journal::show(given.directory, given.group, given.from, [&](const journal::shown& one) {
        using kind = journal::shown::kind;
        const std::string what = one.what == kind::state      ? "state"
                                 : one.what == kind::snapshot ? "snapshot"
                                                              : "record";
        all_sound = all_sound && one.wrong.empty();
        if (given.as_json) {
          nlohmann::ordered_json out{{"group", one.group}, {"what", what}};
          if (one.what != kind::state) out["index"] = one.index;
          if (!one.wrong.empty()) {
            out["wrong"] = one.wrong;
          } else {
            if (one.what != kind::state) out["term"] = one.term;
            out["size"] = one.bytes.size();
            out[printable(one.bytes) ? "text" : "hex"] =
                printable(one.bytes) ? one.bytes : hex(one.bytes);
          }
          std::cout << one_line(out) << '\n';
          return !interrupted();
        }
        const bool numbered = one.what != kind::state && one.wrong.empty();
        rows.add({printable(one.group) ? one.group : "0x" + hex(one.group), what,
                  one.what != kind::state ? std::to_string(one.index) : "-",
                  numbered ? std::to_string(one.term) : "-",
                  one.wrong.empty() ? std::to_string(one.bytes.size()) : "-",
                  one.wrong.empty() ? readable(one.bytes) : one.wrong});
        return !interrupted();
      });
  if (!given.as_json) std::cout << rows.text();
  if (!seen) return fail(exit_code::not_done, seen.error().sentence);
  if (!all_sound)
    return fail(exit_code::not_done, "not all of it can be read: `troupe journal verify " +
                                         given.directory + "` says more");
  return exit_code::done;
}

exit_code repair(const options& given) {
  const auto done = journal::repair(
      given.directory,
      {.node = given.node, .say = [](const std::string& step) { std::cerr << step << '\n'; }});
  if (!done) return fail(exit_code::not_done, done.error().sentence);
  const bool nothing = done->copy.empty();
  if (given.as_json) {
    nlohmann::ordered_json out{{"repaired", !nothing}};
    if (!nothing) out.update({{"copy", done->copy.string()}, {"life", hex(done->life)}});
    auto& groups = out["groups"] = nlohmann::ordered_json::array();
    for (const auto& g : done->groups) groups.push_back(json_of(g));
    std::cout << one_line(out) << '\n';
    return exit_code::done;
  }
  if (nothing) {
    std::cout << "it is sound: nothing was done\n";
    return exit_code::done;
  }
  print(done->groups);
  std::cout << "kept what is above; as it was before, the journal is in " << done->copy.string()
            << ".\nIt begins a new life, " << hex(done->life)
            << ": it may have forgotten records that it had acknowledged, and votes that it had "
               "given, so it is not the voter that others know. Where its node was a voter of a "
               "replicated log, take it out and add it anew: troupe log remove NAME, then troupe "
               "log add NAME.\n";
  return exit_code::done;
}

exit_code journal_verb(const options& given) {
  if (given.action == "verify") return verify(given);
  if (given.action == "show") return show(given);
  return repair(given);
}
}  // namespace

void add_journal(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "journal",
                                 "Judge, show or repair the journal of a node that is not running",
                                 &journal_verb, verb);
  verb->footer(
      "  troupe journal verify DIR   is it sound? Its groups, and what is wrong\n"
      "  troupe journal show DIR     its records: index, term, size, bytes\n"
      "  troupe journal repair DIR   copies DIR to DIR.before-repair-N, then keeps the longest "
      "sound "
      "beginning\n"
      "                              of each group\n"
      "DIR is the journal's directory, or the data directory of its node. Exit codes: 0 sound, or "
      "done; 1 not; 2 wrong usage.");
  verb->add_option("ACTION", given->action, "verify, show or repair")
      ->required()
      ->type_name("")
      ->check(CLI::IsMember({"verify", "show", "repair"}));
  verb->add_option("DIR", given->directory, "where it is")->required()->type_name("");
  verb->add_option("--group", given->group, "show: this group alone")->type_name("NAME");
  verb->add_option("--from", given->from, "show: records from this index on")->type_name("INDEX");
  verb->add_option("--node", given->node,
                   "repair: whose journal it is, where the file that says so is gone")
      ->type_name("NAME");
  verb->add_flag("--json", given->as_json, "a JSON object; show: one a line");
}
}  // namespace troupe::program
