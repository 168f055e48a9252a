// troupe config: all settings of a node, and with --show what they are here and now, and why.
// troupe config set|unset|show --cluster: those of the whole cluster, in the replicated map.
#include "runtime/config.hpp"

#include "cluster/cluster_config.hpp"
#include "cluster/program/client.hpp"
#include "cluster/program/command.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/subverb.hpp"
#include "cluster/settings.hpp"

#include <iostream>

namespace troupe::program {
namespace {
using json = nlohmann::ordered_json;
struct options {
  bool show = false;
  config::sources from;
};
struct shared_options {
  target to;
  std::string key, value;
  bool as_json = false;
};

exit_code show(const options& given) {
  const auto all = node_options();
  if (!given.show && given.from.file.empty() && given.from.flags.empty()) {
    std::cout << config::describe(all);
    return exit_code::done;
  }
  auto from = given.from;
  from.environment = config::environment();
  const auto settings = config::load(all, from);
  if (!settings) return fail(exit_code::usage, settings.error());
  if (const auto node = node_settings_from(*settings); !node)
    return fail(exit_code::usage, node.error());
  std::cout << settings->show();
  return exit_code::done;
}

template <class Wanted, class F>
exit_code with_reply(const answer<storage::reply>& got, F&& use) {
  if (!got) return fail(got.error());
  if (const auto* no = std::get_if<storage::refused>(&got->what))
    return fail(exit_code::not_done, storage::explain(no->why));
  if (const auto* is = std::get_if<Wanted>(&got->what)) return use(*is, got->at);
  return fail(exit_code::unknown, "the map answered with something else than was asked for");
}

exit_code set(const shared_options& given) {
  if (const auto wrong = cluster_setting_problem(given.key, given.value); !wrong.empty())
    return fail(exit_code::usage, wrong);
  return with_client(given.to, [&](client& with) {
    return with_reply<storage::put_done>(
        with.change(storage::put{cluster_config_prefix + given.key, given.value}),
        [&](const auto&, auto at) {
          if (given.as_json)
            std::cout << one_line({{"outcome", "done"}, {"revision", at}}) << '\n';
          else
            std::cout << given.key << " is " << given.value << " for the whole cluster\n";
          return exit_code::done;
        });
  });
}

// Any key that is there, so that one that another version has set can be taken away.
exit_code unset(const shared_options& given) {
  return with_client(given.to, [&](client& with) {
    return with_reply<storage::erase_done>(
        with.change(storage::erase{storage::one(cluster_config_prefix + given.key), false}),
        [&](const auto& done, auto at) {
          if (given.as_json)
            std::cout << one_line(
                             {{"outcome", done.count > 0 ? "done" : "not_done"}, {"revision", at}})
                      << '\n';
          else if (done.count > 0)
            std::cout << given.key << " is each node's own again\n";
          if (done.count > 0) return exit_code::done;
          return given.as_json
                     ? exit_code::not_done
                     : fail(exit_code::not_done, "'" + given.key + "' is not set for the cluster");
        });
  });
}

exit_code show_shared(const shared_options& given) {
  return with_client(given.to, [&](client& with) {
    return with_reply<storage::got>(
        with.look(storage::get{storage::prefix(cluster_config_prefix)}),
        [&](const auto& found, auto at) {
          json all = json::array();
          for (const auto& kv : found.items) {
            const auto key = kv.key.substr(std::string_view{cluster_config_prefix}.size());
            const auto wrong = cluster_setting_problem(key, kv.value);
            if (given.as_json) {
              all.push_back({{"key", key}, {"value", kv.value}, {"revision", kv.mod_revision}});
              if (!wrong.empty()) all.back()["problem"] = wrong;
            } else {
              std::cout << key << " = " << kv.value << "  # "
                        << (wrong.empty()
                                ? "of the cluster, revision " + std::to_string(kv.mod_revision)
                                : "left out: " + wrong)
                        << '\n';
            }
          }
          if (given.as_json) std::cout << one_line({{"revision", at}, {"settings", all}}) << '\n';
          return exit_code::done;
        });
  });
}
}  // namespace

void add_config(verbs& all) {
  auto* const verb = all.app.add_subcommand(
      "config", "Print the table of all settings of a node; set those of the cluster");
  auto given = std::make_shared<options>();
  verb->final_callback([&all, given, verb] {
    if (verb->get_subcommands().empty()) all.chosen = [given] { return show(*given); };
  });
  verb->footer(
      "A setting comes from its default, then the configuration file, the environment "
      "(TROUPE_NODE_NAME) and\n"
      "flags of `troupe node` (--node.name). With --show or --config: each setting's value, and "
      "where it is from.\n"
      "What is set for the cluster wins over all of these on every node, at once and after a "
      "restart. That can be:\n"
      "  " +
      cluster_setting_keys());
  verb->add_flag("--show", given->show, "the values as a node started here would have them");
  verb->add_option("--config", given->from.file, "a configuration file to check")
      ->type_name("FILE");
  config::add_flags(*verb, node_options(), given->from, "");

  CLI::App* sub = nullptr;
  auto shared = add_subverb(all, *verb, "set",
                            "Set it for the whole cluster, in the replicated map", &set, sub);
  sub->add_option("KEY", shared->key)->required();
  sub->add_option("VALUE", shared->value)->required();
  sub->footer("It wins over each node's file, environment and flags. Can be set: " +
              cluster_setting_keys());
  add_target(*sub, shared->to);
  shared = add_subverb(all, *verb, "unset", "Each node has its own value again", &unset, sub);
  sub->add_option("KEY", shared->key)->required();
  add_target(*sub, shared->to);
  shared = add_subverb(all, *verb, "show", "What is set for the whole cluster", &show_shared, sub);
  add_target(*sub, shared->to);
  sub->get_option("--cluster")->expected(0, 1);  // `show --cluster` is what it does anyway
}
}  // namespace troupe::program
