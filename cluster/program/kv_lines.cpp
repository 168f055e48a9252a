// troupe kv without a command: for load generators and checkers.
#include "cluster/program/json.hpp"
#include "cluster/program/kv.hpp"

#include <iostream>

namespace troupe::program {
namespace {
using json = nlohmann::ordered_json;

json failed(const char* outcome, const std::string& why) {
  return {{"outcome", outcome}, {"error", why}};
}

struct operation {
  std::string op, key, value;
  std::optional<std::string> expected{};
  bool prefix = false, stale = false;
  std::uint64_t lease = 0, revision = 0, limit = 0;
};

result<operation, std::string> read(const json& line) {
  if (!line.is_object()) return unexpected{std::string{"a line is one JSON object"}};
  operation o;
  const auto text = [&](const char* field, std::string& into) {
    if (const auto found = line.find(field); found != line.end()) into = found->get<std::string>();
  };
  try {
    text("op", o.op);
    text("key", o.key);
    text("value", o.value);
    if (const auto found = line.find("expected"); found != line.end() && !found->is_null())
      o.expected = found->get<std::string>();
    o.prefix = line.value("prefix", false);
    o.stale = line.value("stale", false);
    o.lease = line.value("lease", std::uint64_t{0});
    o.revision = line.value("revision", std::uint64_t{0});
    o.limit = line.value("limit", std::uint64_t{0});
  } catch (const json::exception& wrong) {
    return unexpected{std::string{"a field is of another type: "} + wrong.what()};
  }
  if (o.op == "cas" && !line.contains("expected"))
    return unexpected{std::string{"cas takes \"expected\": a text, or null"}};
  return o;
}

json shown(const storage::reply& r) {
  json out{{"outcome", "done"}, {"revision", r.at}};
  if (const auto* no = std::get_if<storage::refused>(&r.what))
    return failed("not_done", storage::explain(no->why));
  if (const auto* found = std::get_if<storage::got>(&r.what)) {
    json items = json::array();
    for (const auto& kv : found->items) items.push_back(as_json(kv));
    out["count"] = found->count;
    out["more"] = found->more;
    out["items"] = items;
  } else if (const auto* done = std::get_if<storage::txn_done>(&r.what)) {
    if (!done->succeeded) out["outcome"] = "not_done", out["error"] = "it is not what was expected";
  } else if (const auto* gone = std::get_if<storage::erase_done>(&r.what)) {
    out["count"] = gone->count;
  }
  return out;
}

json answered(const answer<storage::reply>& got) {
  if (got) return shown(*got);
  return failed(got.error().code == exit_code::unknown ? "unknown" : "not_done",
                got.error().sentence);
}

json carry_out(client& with, const operation& o) {
  const auto keys = o.prefix ? storage::prefix(o.key) : storage::one(o.key);
  if (o.op == "put")
    return answered(with.change(storage::put{o.key, o.value, o.lease, false, false}));
  if (o.op == "cas") return answered(with.change(swap(o.key, o.expected, o.value)));
  if (o.op == "del") return answered(with.change(storage::erase{keys, false}));
  if (o.op == "get" || o.op == "list") {
    storage::get wanted;
    wanted.keys = o.op == "list" ? storage::prefix(o.key) : keys;
    wanted.at = o.revision;
    wanted.limit = o.limit;
    return answered(with.look(wanted, o.stale));
  }
  return failed("not_done", "there is no operation '" + o.op + "': get, put, cas, del, list");
}
}  // namespace

exit_code kv_lines(client& with) {
  std::string text;
  while (!interrupted() && std::getline(std::cin, text)) {
    if (text.empty()) continue;
    json out, id;
    const auto line = json::parse(text, nullptr, false);
    if (line.is_discarded()) {
      out = failed("not_done", "the line is no JSON");
    } else {
      if (line.is_object() && line.contains("id")) id = line["id"];
      const auto what = read(line);
      out = what ? carry_out(with, *what) : failed("not_done", what.error());
    }
    if (!id.is_null()) out["id"] = id;
    std::cout << one_line(out) << std::endl;
  }
  return exit_code::done;
}
}  // namespace troupe::program
