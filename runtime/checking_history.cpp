#include "runtime/checking_history.hpp"

#include "runtime/json.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <nlohmann/json.hpp>

namespace troupe {
namespace {
using parsed_json = nlohmann::json;
using checking::value;
using read_value = result<value, std::string>;

read_value value_of(const parsed_json& x, std::size_t depth_left) {
  switch (x.type()) {
    case parsed_json::value_t::null:
      return value{};
    case parsed_json::value_t::boolean:
      return value{x.get<bool>()};
    case parsed_json::value_t::number_integer:
      return value{x.get<std::int64_t>()};
    case parsed_json::value_t::number_unsigned:
      if (x.get<std::uint64_t>() >
          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return unexpected{std::string{"holds a number beyond 64 bits"}};
      return value{x.get<std::int64_t>()};
    case parsed_json::value_t::number_float:
      if (!std::isfinite(x.get<double>()))
        return unexpected{std::string{"holds a number beyond all bounds"}};
      return value{x.get<double>()};
    case parsed_json::value_t::string:
      return value{x.get<std::string>()};
    case parsed_json::value_t::array: {
      if (depth_left == 0) return unexpected{std::string{"holds lists within lists too deep"}};
      checking::list all;
      for (const auto& element : x) {
        auto one = value_of(element, depth_left - 1);
        if (!one) return one;
        all.push_back(std::move(*one));
      }
      return value{std::move(all)};
    }
    default:
      return unexpected{
          std::string{"holds an object, where a value, a list or nothing is understood"}};
  }
}

class reader {
 public:
  reader(const history_limits& within, const event_names& events)
      : within_{within}, events_{events} {}

  history_read read(std::string_view text) {
    std::size_t line = 0;
    while (!text.empty()) {
      ++line;
      const auto end = std::min(text.find('\n'), text.size());
      auto one = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (!one.empty() && one.back() == '\r') one.remove_suffix(1);
      if (one.find_first_not_of(" \t") == std::string_view::npos) continue;
      line_ = line;
      if (all_.events.size() >= within_.events_max) {
        fault("is more than this program reads: " + std::to_string(within_.events_max) + " events");
        break;
      }
      read_line(one);
    }
    return std::move(all_);
  }

 private:
  void fault(std::string sentence) {
    if (all_.faults.size() < within_.faults_max)
      all_.faults.push_back({line_, std::move(sentence)});
    ++all_.faults_in_all;
  }
  void add(checking::event e) {
    all_.events.push_back(std::move(e));
    all_.lines.push_back(line_);
  }

  void read_line(std::string_view one) {
    if (one.size() > within_.line_bytes_max)
      return fault("is longer than " + std::to_string(within_.line_bytes_max) + " bytes");
    const auto parsed = parsed_json::parse(one.begin(), one.end(), nullptr, false);
    if (parsed.is_discarded()) return fault("is no JSON");
    if (!parsed.is_object()) return fault("is no object");
    if (parsed.contains("event") && !parsed.contains("type")) return read_event_log(parsed);
    checking::event e;
    const auto process = parsed.find("process");
    if (process == parsed.end() || !integer(*process, e.process))
      return fault("has no \"process\", a whole number");
    const auto type = parsed.find("type");
    const auto known = type != parsed.end() && type->is_string()
                           ? checking::event_type_of(type->get<std::string>())
                           : std::nullopt;
    if (!known) return fault("has no \"type\": invoke, ok, fail or info");
    e.type = *known;
    const auto f = parsed.find("f");
    if (f == parsed.end() || !f->is_string() || f->get<std::string>().empty())
      return fault("has no \"f\", the operation's name");
    e.f = f->get<std::string>();
    if (!take(parsed, "key", e.key) || !take(parsed, "value", e.content)) return;
    if (const auto time = parsed.find("time"); time != parsed.end() && !integer(*time, e.time))
      return fault("has a \"time\" that is not in whole nanoseconds");
    add(std::move(e));
  }

  void read_event_log(const parsed_json& parsed) {
    const auto& event = parsed["event"];
    const auto name = event.is_string() ? event.get<std::string>() : std::string{};
    value node;
    if (!take(parsed, "node", node)) return;
    if (name == "started" || name == "node_started") lives_.erase(node);
    if (std::find(events_.begin(), events_.end(), name) == events_.end()) {
      ++all_.skipped;
      return;
    }
    checking::event e;
    value done;  // what the operation answers
    if (!take_operation(parsed, name, e, done)) return;
    if (name == "leader") done = node;
    if (node.empty()) return fault("is an event without a \"node\"");
    const auto time = parsed.find("time");
    if (time == parsed.end() || !integer(*time, e.time))
      return fault("has a \"time\" that is not in whole nanoseconds");
    auto& numbers = name == "leader" ? nodes_ : lives_;
    const auto [at, fresh] = numbers.try_emplace(node, processes_);
    if (fresh) ++processes_;
    e.process = at->second;
    add(e);
    e.type = checking::event_type::ok;
    e.content = std::move(done);
    add(std::move(e));
  }

  bool take_operation(const parsed_json& parsed, const std::string& name, checking::event& e,
                      value& done) {
    e.f = name;
    if (name == "leader") {
      if (!take(parsed, "group", e.key) || !take(parsed, "term", e.content)) return false;
      if (!e.content.integer()) fault("is a leader without a \"term\", a whole number");
      return e.content.integer() != nullptr;
    }
    if (name == "entered" || name == "left") {
      e.f = name == "entered" ? "acquire" : "release";
      value token;
      if (!take(parsed, "lock", e.key) || !take(parsed, "token", token)) return false;
      if (!token.integer()) fault("is an event without a \"token\", a whole number");
      (name == "entered" ? done : e.content) = token;
      return token.integer() != nullptr;
    }
    const auto of = parsed.find("incarnation");
    if (!take(parsed, "member", e.key)) return false;
    if (e.key.empty() || of == parsed.end()) {
      fault("is an event without a \"member\" or an \"incarnation\"");
      return false;
    }
    e.content =
        value{of->is_string() ? of->get<std::string>() : of->dump()};  // may take all 64 bits
    return true;
  }

  static bool integer(const parsed_json& x, std::int64_t& into) {
    const auto read = x.is_number_integer() ? value_of(x, 0) : value{};
    if (!read || !read->integer()) return false;
    into = *read->integer();
    return true;
  }
  bool take(const parsed_json& from, const char* name, value& into) {
    const auto at = from.find(name);
    if (at == from.end()) return true;
    auto read = value_of(*at, within_.value_depth_max);
    if (!read) {
      fault("in \"" + std::string{name} + "\" " + read.error());
      return false;
    }
    into = std::move(*read);
    return true;
  }

  const history_limits& within_;
  const event_names& events_;
  history_read all_{};
  std::size_t line_ = 0;
  std::map<value, std::int64_t> nodes_{}, lives_{};
  std::int64_t processes_ = 0;
};
}  // namespace

history_read read_history(std::string_view text, const history_limits& within,
                          const event_names& events) {
  return reader{within, events}.read(text);
}

operations_read read_operations(std::string_view text, const history_limits& within,
                                const event_names& events) {
  auto read = read_history(text, within, events);
  operations_read all{{}, std::move(read.faults), read.faults_in_all, read.skipped};
  if (all.faults_in_all > 0) return all;
  auto paired = checking::operations_of(read.events);
  if (paired) {
    all.operations = std::move(*paired);
    return all;
  }
  const auto& wrong = paired.error();
  all.faults.push_back({read.lines[wrong.place], std::string{to_string(wrong.why)}});
  all.faults_in_all = 1;
  return all;
}

void append_json(std::string& out, const value& x) {
  if (x.truth()) {
    out += *x.truth() ? "true" : "false";
  } else if (x.integer()) {
    out += std::to_string(*x.integer());
  } else if (x.real()) {
    const auto from = out.size();
    json::append_number(out, *x.real());
    // a real stays one: 1.0, not 1
    if (out.find_first_of(".en", from) == std::string::npos) out += ".0";
  } else if (x.text()) {
    json::append_string(out, *x.text());
  } else if (x.elements()) {
    out += '[';
    for (std::size_t i = 0; i < x.elements()->size(); ++i) {
      if (i > 0) out += ',';
      append_json(out, *x.at(i));
    }
    out += ']';
  } else {
    out += "null";
  }
}

std::string write_history(const checking::history& events) {
  std::string out;
  for (const auto& e : events) {
    out += "{\"process\":" + std::to_string(e.process) + ",\"type\":\"" +
           std::string{to_string(e.type)} + "\",\"f\":";
    json::append_string(out, e.f);
    if (!e.key.empty()) {
      out += ",\"key\":";
      append_json(out, e.key);
    }
    out += ",\"value\":";
    append_json(out, e.content);
    out += ",\"time\":" + std::to_string(e.time) + "}\n";
  }
  return out;
}
}  // namespace troupe
