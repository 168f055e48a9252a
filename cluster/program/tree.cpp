// troupe tree ls|create|get|stat|set|rm|watch|sync: the coordination tree.
#include "cluster/program/client.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/subverb.hpp"
#include "cluster/program/table.hpp"
#include "cluster/program/tree_hold.hpp"

#include <iostream>

namespace troupe::program {
namespace {
using json = nlohmann::ordered_json;
struct options {
  target to;
  std::string path;
  std::vector<std::string> words;  // behind the path: the data, and what is behind --
  std::optional<std::uint64_t> version;
  milliseconds ttl{10'000};
  std::size_t behind = 0;
  bool as_json = false, stale = false, ephemeral = false, sequential = false, container = false, recursive = false, once = false;
};

json as_json(const tree::stat& is) {
  return {{"created", is.created},
          {"modified", is.modified},
          {"children_modified", is.children_modified},
          {"created_at_ms", is.created_at.count()},
          {"modified_at_ms", is.modified_at.count()},
          {"version", is.version},
          {"children_version", is.children_version},
          {"owner", is.owner},
          {"data_bytes", is.data_bytes},
          {"children", is.children}};
}

// What the refusal says of which node.
exit_code refuse(const std::string& path, const tree::refused& no) {
  auto sentence = path + ": " + tree::explain(no.why);
  if (no.why == tree::refusal::bad_version) sentence += " (it is at version " + std::to_string(no.version) + ")";
  return fail(exit_code::not_done, sentence);
}

template <class Wanted, class F>
exit_code with_reply(const std::string& path, const answer<tree::reply>& got, F&& use) {
  if (!got) return fail(got.error());
  if (const auto* no = std::get_if<tree::refused>(&got->what)) return refuse(path, *no);
  if (const auto* is = std::get_if<Wanted>(&got->what)) return use(*is, got->at);
  return fail(exit_code::unknown, "the tree answered with something else than was asked for");
}

exit_code list(const options& given) {
  return with_client(given.to, [&](client& with) {
    json rows = json::array();
    std::string after;
    for (;;) {
      bool more = false;
      const auto code = with_reply<tree::browsed>(
          given.path, with.look_at_tree(tree::browse{given.path, after, 0, false}, given.stale), [&](const tree::browsed& all, tree::zxid at) {
            for (const auto& c : all.all) {
              if (given.as_json)
                rows.push_back({{"name", c.name}, {"stat", as_json(c.is)}});
              else
                std::cout << c.name << '\n';
              after = c.name;
            }
            more = all.more;
            if (given.as_json && !more) std::cout << one_line({{"path", given.path}, {"zxid", at}, {"stat", as_json(all.is)}, {"children", rows}}) << '\n';
            return exit_code::done;
          });
      if (code != exit_code::done || !more) return code;
    }
  });
}

exit_code get(const options& given) {
  return with_client(given.to, [&](client& with) {
    return with_reply<tree::got>(given.path, with.look_at_tree(tree::get{given.path}, given.stale), [&](const tree::got& found, tree::zxid at) {
      if (given.as_json)
        std::cout << one_line({{"path", given.path}, {"zxid", at}, {"data", found.data}, {"stat", as_json(found.is)}}) << '\n';
      else
        std::cout << found.data << '\n';
      return exit_code::done;
    });
  });
}

exit_code stat(const options& given) {
  return with_client(given.to, [&](client& with) {
    return with_reply<tree::found>(given.path, with.look_at_tree(tree::exists{given.path}, given.stale), [&](const tree::found& found, tree::zxid at) {
      if (!found.is) return refuse(given.path, {tree::refusal::no_node});
      if (given.as_json) {
        std::cout << one_line({{"path", given.path}, {"zxid", at}, {"stat", as_json(*found.is)}}) << '\n';
      } else {
        const auto is = as_json(*found.is);
        for (const auto& [name, value] : is.items()) std::cout << name << '\t' << value << '\n';
      }
      return exit_code::done;
    });
  });
}

tree::mode mode_of(const options& given) {
  if (given.container) return tree::mode::container;
  if (given.ephemeral) return given.sequential ? tree::mode::ephemeral_sequential : tree::mode::ephemeral;
  return given.sequential ? tree::mode::persistent_sequential : tree::mode::persistent;
}

exit_code create(const options& given) {
  const auto data = given.words.size() - given.behind;
  if (data > 1) return fail(exit_code::usage, "troupe tree create: one DATA, and a COMMAND behind --");
  if (given.behind > 0 && !given.ephemeral)
    return fail(exit_code::usage, "troupe tree create: a COMMAND is for --ephemeral: the node lives as long as it runs");
  if (given.container && (given.ephemeral || given.sequential))
    return fail(exit_code::usage, "--container excludes --ephemeral and --sequential");
  tree::create wanted{given.path, data == 1 ? given.words.front() : std::string{}, mode_of(given)};
  if (given.ephemeral) {
    const auto first = given.words.begin() + static_cast<std::ptrdiff_t>(data);
    return hold_node(given.to, wanted, {first, given.words.end()}, given.ttl, given.as_json);
  }
  return with_client(given.to, [&](client& with) {
    return with_reply<tree::created>(given.path, with.change_tree(wanted), [&](const tree::created& made, tree::zxid at) {
      if (given.as_json)
        std::cout << one_line({{"outcome", "done"}, {"zxid", at}, {"path", made.path}, {"stat", as_json(made.is)}}) << '\n';
      else
        std::cout << made.path << '\n';
      return exit_code::done;
    });
  });
}

exit_code set(const options& given) {
  if (given.words.size() != 1) return fail(exit_code::usage, "troupe tree set: PATH and one DATA");
  return with_client(given.to, [&](client& with) {
    return with_reply<tree::set_done>(given.path, with.change_tree(tree::set{given.path, given.words.front(), given.version}),
                                      [&](const tree::set_done& done, tree::zxid at) {
                                        if (given.as_json)
                                          std::cout << one_line({{"outcome", "done"}, {"zxid", at}, {"stat", as_json(done.is)}}) << '\n';
                                        return exit_code::done;
                                      });
  });
}

exit_code removed(const options& given, std::size_t count, tree::zxid at) {
  if (given.as_json) std::cout << one_line({{"outcome", "done"}, {"zxid", at}, {"count", count}}) << '\n';
  return exit_code::done;
}

// The node and all below it, parents first; empty: it is not there.
answer<std::vector<std::string>> all_below(client& with, const std::string& path) {
  std::vector<std::string> all{path};
  std::string after;
  for (bool more = true; more;) {
    const auto got = with.look_at_tree(tree::browse{.path = path, .after = after, .data = false, .below = true});
    if (!got) return unexpected{got.error()};
    if (const auto* no = std::get_if<tree::refused>(&got->what)) {
      if (no->why == tree::refusal::no_node) return std::vector<std::string>{};
      return unexpected{problem{exit_code::not_done, path + ": " + tree::explain(no->why)}};
    }
    const auto* found = std::get_if<tree::browsed>(&got->what);
    if (!found) return unexpected{problem{exit_code::unknown, "the tree answered with something else than was asked for"}};
    for (const auto& c : found->all) {
      all.push_back((path == "/" ? "" : path) + "/" + c.name);
      after = c.name;
    }
    more = found->more;
  }
  return all;
}

// Deepest first, in pieces that are done whole or not; what others create or remove meanwhile is looked at again.
exit_code remove_all(const options& given) {
  constexpr std::size_t piece = 256;
  return with_client(given.to, [&](client& with) {
    std::size_t count = 0;
    tree::zxid last = 0;
    for (int look = 0; look < 20; ++look) {
      auto all = all_below(with, given.path);
      if (!all) return fail(all.error());
      if (all->empty() && look == 0) return refuse(given.path, {tree::refusal::no_node});
      if (given.path == "/" && !all->empty()) all->erase(all->begin());  // which is always there
      if (all->empty()) return removed(given, count, last);
      for (bool fits = true; fits && !all->empty();) {
        tree::multi some;
        for (; !all->empty() && some.operations.size() < piece; all->pop_back())
          some.operations.emplace_back(tree::erase{all->back(), {}});
        const auto size = some.operations.size();
        const auto got = with.change_tree(std::move(some));
        if (!got) return fail(got.error().code, got.error().sentence + "; " + std::to_string(count) + " nodes were removed before");
        const auto* done = std::get_if<tree::multi_done>(&got->what);
        if (!done) return fail(exit_code::unknown, "the tree answered with something else than was asked for");
        fits = done->succeeded;
        if (fits) count += size, last = got->at;
      }
    }
    return fail(exit_code::not_done, given.path + ": others go on creating nodes below it; " + std::to_string(count) + " were removed");
  });
}
exit_code remove(const options& given) {
  if (given.recursive) {
    if (given.version) return fail(exit_code::usage, "--version is of one node, and --recursive of many");
    return remove_all(given);
  }
  return with_client(given.to, [&](client& with) {
    return with_reply<tree::erased>(given.path, with.change_tree(tree::erase{given.path, given.version}),
                                    [&](const auto&, tree::zxid at) { return removed(given, 1, at); });
  });
}

exit_code watch(const options& given) {
  return watch_node(given.to, {given.path, given.recursive ? tree::watch_kind::recursive : tree::watch_kind::persistent}, given.once,
                    given.as_json);
}

exit_code sync(const options& given) {
  return with_client(given.to, [&](client& with) {
    return with_reply<tree::synced>("/", with.change_tree(tree::sync{}), [&](const auto&, tree::zxid at) {
      if (given.as_json)
        std::cout << one_line({{"outcome", "done"}, {"zxid", at}}) << '\n';
      else
        std::cout << at << '\n';
      return exit_code::done;
    });
  });
}

void add_stale(CLI::App& sub, options& given) {
  sub.add_flag("--stale", given.stale, "what the asked node's own replica has will do");
}
void add_version(CLI::App& sub, options& given) {
  sub.add_option("--version", given.version, "only if it is at this version")->type_name("N");
}
}  // namespace

void add_tree(verbs& all) {
  auto* const verb = all.app.add_subcommand("tree", "The coordination tree: nodes that can end with their session");
  verb->require_subcommand(1);
  verb->footer(
      "ZooKeeper's data model on the log's voters. Reads see everything that was done before they were asked, unless --stale.\n"
      "Who uses it first begins it; its ensemble is the log's voters of that moment.\n"
      "  troupe tree create /app/workers --container\n"
      "  troupe tree create /app/workers/w- --ephemeral --sequential -- ./worker.sh\n"
      "  troupe tree watch /app/workers --recursive");
  CLI::App* sub = nullptr;
  auto given = add_subverb(all, *verb, "ls", "The names of a node's children, in order", &list, sub);
  sub->add_option("PATH", given->path)->required();
  add_stale(*sub, *given);
  add_target(*sub, given->to);

  given = add_subverb(all, *verb, "create", "A node; its path is shown", &create, sub);
  sub->footer(
      "An ephemeral node lives as long as the COMMAND runs, or until Ctrl-C; the command finds its path in TROUPE_NODE, and\n"
      "is ended when the session is lost (SIGTERM, then SIGKILL).\n"
      "Exit codes of --ephemeral: the command's own; 121 not created, 122 the session was lost, 125 anything else.");
  given->behind = all.behind;
  sub->add_option("PATH", given->path)->required();
  sub->add_option("DATA", given->words, "its data, and behind -- a command with its arguments")->type_name("[DATA] [-- COMMAND ...]");
  sub->add_flag("--ephemeral", given->ephemeral, "goes when we end, or are not heard for --ttl");
  sub->add_flag("--sequential", given->sequential, "a number of ten digits is appended, which rises");
  sub->add_flag("--container", given->container, "goes by itself after its last child has");
  add_time(*sub, "--ttl", given->ttl, "of --ephemeral: 2s to 24h");
  add_target(*sub, given->to);

  given = add_subverb(all, *verb, "get", "The data of a node", &get, sub);
  sub->add_option("PATH", given->path)->required();
  add_stale(*sub, *given);
  add_target(*sub, given->to);

  given = add_subverb(all, *verb, "stat", "What is known of a node but its data", &stat, sub);
  sub->add_option("PATH", given->path)->required();
  add_stale(*sub, *given);
  add_target(*sub, given->to);

  given = add_subverb(all, *verb, "set", "Set the data of a node", &set, sub);
  sub->add_option("PATH", given->path)->required();
  sub->add_option("DATA", given->words)->required();
  add_version(*sub, *given);
  add_target(*sub, given->to);

  given = add_subverb(all, *verb, "rm", "Remove a node", &remove, sub);
  sub->add_option("PATH", given->path)->required();
  add_version(*sub, *given);
  sub->add_flag("--recursive", given->recursive, "and all below it, in pieces of which each is done or not");
  add_target(*sub, given->to);

  given = add_subverb(all, *verb, "watch", "What becomes of a node and its children, until Ctrl-C", &watch, sub);
  sub->add_option("PATH", given->path, "it need not be there yet")->required();
  sub->add_flag("--once", given->once, "ends after the first change");
  sub->add_flag("--recursive", given->recursive, "of all nodes below it too");
  add_target(*sub, given->to);

  given = add_subverb(all, *verb, "sync", "The point of the order that all changes before now are at or below", &sync, sub);
  add_target(*sub, given->to);
}
}  // namespace troupe::program
