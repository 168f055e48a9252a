// troupe log status|add|remove|transfer: who decides in the cluster's replicated log.
#include "cluster/program/client.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/subverb.hpp"
#include "cluster/program/table.hpp"

#include <algorithm>
#include <iostream>

namespace troupe::program {
namespace {
using json = nlohmann::ordered_json;
struct options {
  target to;
  std::string node;
  std::string group;
  bool as_json = false;
  bool here = false;
  bool learner = false;
};

json names_of(const std::vector<raft::peer>& group) {
  json names = json::array();
  for (const auto& p : group) names.push_back(p.name);
  return names;
}

exit_code show(const consensus::group_status& s, bool as_json) {
  const auto row_of = [&](const raft::peer& p) {
    const auto found = std::find_if(s.followers.begin(), s.followers.end(),
                                    [&](const auto& f) { return f.id == p.id; });
    return found == s.followers.end() ? nullptr : &*found;
  };
  if (as_json) {
    json followers = json::array();
    for (const auto& f : s.followers)
      followers.push_back({{"name", f.name}, {"match", f.match}, {"heard_ms", f.heard_ms}});
    std::cout << one_line({{"leader", s.leader.empty() ? json{} : json{s.leader}.front()},
                           {"term", s.term},
                           {"voters", names_of(s.config.voters)},
                           {"outgoing", names_of(s.config.outgoing)},
                           {"learners", names_of(s.config.learners)},
                           {"node", s.node},
                           {"role", s.role},
                           {"first", s.first},
                           {"last", s.last},
                           {"commit", s.commit},
                           {"applied", s.applied},
                           {"followers", followers}})
              << '\n';
    return exit_code::done;
  }
  std::cout << (s.leader.empty() ? "no leader" : s.leader + " leads") << " in term " << s.term
            << "; committed up to " << s.commit << " of " << s.last << ", seen from " << s.node
            << '\n';
  table rows{{"NAME", "PART", "HAS", "HEARD"}};
  const auto add = [&](const std::vector<raft::peer>& group, const char* part) {
    for (const auto& p : group) {
      const auto* f = row_of(p);
      rows.add({p.name, p.name == s.leader ? "leader" : part,
                f                  ? std::to_string(f->match)
                : p.name == s.node ? std::to_string(s.last)
                                   : "?",
                f ? time_text(f->heard_ms) + " ago" : "-"});
    }
  };
  add(s.config.voters, "voter");
  add(s.config.outgoing, "outgoing");
  add(s.config.learners, "learner");
  std::cout << rows.text();
  return exit_code::done;
}

exit_code status(const options& given) {
  return with_client(given.to, [&](client& with) {
    const auto got = with.log_status(given.here, given.group);
    return got ? show(*got, given.as_json) : fail(got.error());
  });
}

exit_code say(const answer<management::done_reply>& got, bool as_json) {
  if (!got) return fail(got.error());
  if (as_json)
    std::cout << one_line({{"outcome", "done"}, {"what", got->what}}) << '\n';
  else
    std::cout << got->what << '\n';
  return exit_code::done;
}
exit_code add(const options& given) {
  return with_client(given.to, [&](client& with) {
    return say(with.log_add(given.node, given.learner), given.as_json);
  });
}
exit_code remove(const options& given) {
  return with_client(given.to,
                     [&](client& with) { return say(with.log_remove(given.node), given.as_json); });
}
exit_code transfer(const options& given) {
  return with_client(
      given.to, [&](client& with) { return say(with.log_transfer(given.node), given.as_json); });
}
}  // namespace

void add_log(verbs& all) {
  auto* const verb =
      all.app.add_subcommand("log", "Show and change who decides in the replicated log");
  verb->require_subcommand(1);
  verb->footer(
      "The first voters are fixed by `troupe up` or by nodes with --bootstrap-expect N. A node "
      "that is added learns\n"
      "first, and votes once it has caught up. A voter whose journal is lost is another: remove "
      "it, and add it anew.\n"
      "  troupe log status --json\n"
      "  troupe log add n4");
  CLI::App* sub = nullptr;
  auto given =
      add_subverb(all, *verb, "status", "Who leads, who votes, how far each is", &status, sub);
  sub->add_flag("--here", given->here, "of the asked node's own replica");
  sub->add_option("--group", given->group, "a program's own group, or tree, and not the map");
  add_target(*sub, given->to);
  given = add_subverb(all, *verb, "add", "Make a member a voter, or a learner", &add, sub);
  sub->add_option("NODE", given->node, "the member's name")->required();
  sub->add_flag("--learner", given->learner, "it hears everything and never counts");
  given->to.timeout = milliseconds{60'000};
  add_target(*sub, given->to);
  given = add_subverb(all, *verb, "remove", "Take a voter or learner out", &remove, sub);
  sub->add_option("NODE", given->node, "its name")->required();
  add_target(*sub, given->to);
  given = add_subverb(all, *verb, "transfer", "Let another voter lead", &transfer, sub);
  sub->add_option("NODE", given->node, "its name; without it whoever has most of the log");
  add_target(*sub, given->to);
}
}  // namespace troupe::program
