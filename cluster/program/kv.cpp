// troupe kv get|put|cas|del|list|watch: the replicated map. Without a command: operations as JSON lines (kv_lines.cpp).
#include "cluster/program/kv.hpp"

#include "cluster/program/json.hpp"
#include "cluster/program/subverb.hpp"

#include <iostream>

namespace troupe::program {
namespace {
using json = nlohmann::ordered_json;
struct options {
  target to;
  std::string key, value, expected;
  bool as_json = false, prefix = false, stale = false, keys_only = false, absent = false;
  std::uint64_t revision = 0, limit = 0, lease = 0;
};

exit_code refuse(const storage::refused& no) {
  return fail(exit_code::not_done, storage::explain(no.why));
}

template <class Wanted, class F>
exit_code with_reply(const answer<storage::reply>& got, F&& use) {
  if (!got) return fail(got.error());
  if (const auto* no = std::get_if<storage::refused>(&got->what)) return refuse(*no);
  if (const auto* is = std::get_if<Wanted>(&got->what)) return use(*is, got->at);
  return fail(exit_code::unknown, "the map answered with something else than was asked for");
}

exit_code show(const storage::got& found, storage::revision at, const options& given, bool one) {
  if (given.as_json) {
    json items = json::array();
    for (const auto& kv : found.items) items.push_back(as_json(kv));
    std::cout << one_line({{"revision", at},
                           {"count", found.count},
                           {"more", found.more},
                           {"items", items}})
              << '\n';
  } else {
    for (const auto& kv : found.items) {
      if (one)
        std::cout << kv.value << '\n';
      else
        std::cout << kv.key << (given.keys_only ? "" : "\t" + kv.value) << '\n';
    }
  }
  if (!one || !found.items.empty()) return exit_code::done;
  return given.as_json ? exit_code::not_done
                       : fail(exit_code::not_done, "there is no key '" + given.key + "'");
}

exit_code look(const options& given, bool one) {
  return with_client(given.to, [&](client& with) {
    storage::get wanted;
    wanted.keys = one ? storage::one(given.key) : storage::prefix(given.key);
    wanted.at = given.revision;
    wanted.limit = given.limit;
    wanted.keys_only = given.keys_only;
    return with_reply<storage::got>(
        with.look(wanted, given.stale),
        [&](const auto& found, auto at) { return show(found, at, given, one); });
  });
}
exit_code get(const options& given) { return look(given, !given.prefix); }
exit_code list(const options& given) { return look(given, false); }

exit_code put(const options& given) {
  return with_client(given.to, [&](client& with) {
    return with_reply<storage::put_done>(
        with.change(storage::put{given.key, given.value, given.lease, false, false}),
        [&](const auto&, auto at) {
          if (given.as_json) std::cout << one_line({{"outcome", "done"}, {"revision", at}}) << '\n';
          return exit_code::done;
        });
  });
}

exit_code cas(const options& given) {
  return with_client(given.to, [&](client& with) {
    return with_reply<storage::txn_done>(
        with.change(swap(given.key, given.absent ? std::nullopt : std::optional{given.expected},
                         given.value)),
        [&](const auto& done, auto at) {
          if (given.as_json)
            std::cout << one_line(
                             {{"outcome", done.succeeded ? "done" : "not_done"}, {"revision", at}})
                      << '\n';
          if (done.succeeded) return exit_code::done;
          return given.as_json
                     ? exit_code::not_done
                     : fail(exit_code::not_done,
                            "'" + given.key + "' is not what was expected: nothing changed");
        });
  });
}

exit_code del(const options& given) {
  return with_client(given.to, [&](client& with) {
    const auto keys = given.prefix ? storage::prefix(given.key) : storage::one(given.key);
    return with_reply<storage::erase_done>(
        with.change(storage::erase{keys, false}), [&](const auto& done, auto at) {
          if (given.as_json)
            std::cout << one_line({{"outcome", "done"}, {"revision", at}, {"count", done.count}})
                      << '\n';
          else
            std::cout << done.count << (done.count == 1 ? " key" : " keys") << " deleted\n";
          return exit_code::done;
        });
  });
}

void show(const storage::event& e, bool as_json_too) {
  const bool put = e.what == storage::change::put;
  if (as_json_too)
    std::cout << one_line({{"event", put ? "put" : "delete"},
                           {"revision", e.kv.mod_revision},
                           {"item", as_json(e.kv)}})
              << std::endl;
  else
    std::cout << (put ? "put\t" + e.kv.key + "\t" + e.kv.value : "delete\t" + e.kv.key)
              << std::endl;
}

exit_code watch(const options& given) {
  catch_interrupts();
  return with_client(given.to, [&](client& with) {
    std::uint64_t count = 0;
    storage::revision next = given.revision;
    const auto ended = with.watch(
        {.keys = given.prefix ? storage::prefix(given.key) : storage::one(given.key),
         .from = given.revision},
        [&](auto from) {
          next = from;
          if (given.as_json)
            std::cout << one_line({{"event", "created"}, {"next", from}}) << std::endl;
        },
        [&](const storage::watch_events& all) {
          for (const auto& e : all.events) show(e, given.as_json);
          next = all.at + 1;
          count += all.events.size();
          return given.limit == 0 || count < given.limit;
        },
        [] { return interrupted(); });
    if (!ended) return exit_code::done;
    return fail(ended->code, ended->sentence + "; up to revision " + std::to_string(next - 1) +
                                 " all was shown");
  });
}

exit_code lines(const options& given) {
  return with_client(given.to, [](client& with) { return kv_lines(with); });
}
}  // namespace

nlohmann::ordered_json as_json(const storage::key_value& kv) {
  return {{"key", kv.key},
          {"value", kv.value},
          {"create_revision", kv.create_revision},
          {"mod_revision", kv.mod_revision},
          {"version", kv.version},
          {"lease", kv.lease}};
}

storage::txn swap(const std::string& key, const std::optional<std::string>& expected,
                  const std::string& value) {
  storage::compare is;
  is.keys = storage::one(key);
  if (expected) {
    is.what = storage::aspect::value;
    is.value = *expected;
  }
  return {.when = {std::move(is)},
          .then = {storage::put{key, value, 0, false, false}},
          .otherwise = {}};
}

void add_kv(verbs& all) {
  auto* const verb = all.app.add_subcommand("kv", "The replicated map: keys with one truth");
  auto whole = std::make_shared<options>();
  verb->final_callback([&all, whole, verb] {
    if (verb->get_subcommands().empty()) all.chosen = [whole] { return lines(*whole); };
  });
  verb->footer(
      "Reads see everything that was done before they were asked, unless --stale. Without a "
      "command it reads an\n"
      "operation a line and answers each with a line:\n"
      "  echo '{\"op\":\"put\",\"key\":\"a\",\"value\":\"1\"}' | troupe kv\n"
      "  {\"outcome\":\"done\",\"revision\":1}\n"
      "  op     get, put, cas (with \"expected\": a text, or null for a key that is not there), "
      "del, list\n"
      "  fields key, value, expected, prefix, lease, revision, limit, stale; \"id\" comes back as "
      "it was\n"
      "  outcome done, not_done or unknown; of the last two \"error\" says why");
  add_target(*verb, whole->to);
  CLI::App* sub = nullptr;
  auto given = add_subverb(all, *verb, "get", "The value of a key", &get, sub);
  sub->add_option("KEY", given->key)->required();
  sub->add_flag("--prefix", given->prefix, "all keys that begin with it");
  sub->add_option("--rev", given->revision, "as it was at this revision")->type_name("N");
  sub->add_flag("--stale", given->stale, "what the asked node's own replica has will do");
  add_target(*sub, given->to);
  given = add_subverb(all, *verb, "list", "Keys and values that begin with PREFIX, in order", &list,
                      sub);
  sub->add_option("PREFIX", given->key);
  sub->add_flag("--keys-only", given->keys_only);
  sub->add_option("--limit", given->limit, "so many at most")->type_name("N");
  sub->add_option("--rev", given->revision, "as it was at this revision")->type_name("N");
  sub->add_flag("--stale", given->stale, "what the asked node's own replica has will do");
  add_target(*sub, given->to);
  given = add_subverb(all, *verb, "put", "Set a key", &put, sub);
  sub->add_option("KEY", given->key)->required();
  sub->add_option("VALUE", given->value)->required();
  sub->add_option("--lease", given->lease, "the key goes when this lease ends")->type_name("ID");
  add_target(*sub, given->to);
  given = add_subverb(all, *verb, "cas", "Set a key if it is EXPECTED", &cas, sub);
  sub->add_option("KEY", given->key)->required();
  sub->add_option("EXPECTED", given->expected)->required();
  sub->add_option("VALUE", given->value)->required();
  sub->add_flag("--absent", given->absent, "if it is not there; EXPECTED counts for nothing");
  add_target(*sub, given->to);
  given = add_subverb(all, *verb, "watch", "Every change of a key, in order, until Ctrl-C", &watch,
                      sub);
  sub->add_option("KEY", given->key)->required();
  sub->add_flag("--prefix", given->prefix, "of all keys that begin with it");
  sub->add_option("--rev", given->revision, "from this revision on; without it, from now on")
      ->type_name("N");
  sub->add_option("--count", given->limit, "ends after so many changes")->type_name("N");
  add_target(*sub, given->to);
  given = add_subverb(all, *verb, "del", "Delete a key", &del, sub);
  sub->add_option("KEY", given->key)->required();
  sub->add_flag("--prefix", given->prefix, "all keys that begin with it");
  add_target(*sub, given->to);
}
}  // namespace troupe::program
