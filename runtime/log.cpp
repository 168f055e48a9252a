#include "runtime/log.hpp"

#include "runtime/json.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <shared_mutex>

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace troupe::log {
namespace {
constexpr std::array<std::string_view, 6> level_names{"trace", "debug", "info",
                                                      "warn",  "error", "off"};

struct thresholds {
  level usual = level::info;
  std::map<std::string, level, std::less<>> of{};
  level lowest() const {
    auto low = usual;
    for (const auto& [component, l] : of) low = std::min(low, l);
    return low;
  }
};

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

result<thresholds, std::string> parse_levels(std::string_view text) {
  thresholds parsed;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    auto part = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (part.empty()) continue;
    const auto equals = part.find('=');
    const auto name = trimmed(equals == part.npos ? part : part.substr(equals + 1));
    const auto found = std::find(level_names.begin(), level_names.end(), name);
    if (found == level_names.end())
      return unexpected{"there is no log level '" + std::string{name} +
                        "': it can be trace, debug, info, warn, error or off, and COMPONENT=LEVEL"};
    const auto l = static_cast<level>(found - level_names.begin());
    if (equals == part.npos)
      parsed.usual = l;
    else
      parsed.of[std::string{trimmed(part.substr(0, equals))}] = l;
  }
  return parsed;
}

spdlog::level::level_enum spdlog_level(level l) {
  switch (l) {
    case level::trace:
      return spdlog::level::trace;
    case level::debug:
      return spdlog::level::debug;
    case level::info:
      return spdlog::level::info;
    case level::warn:
      return spdlog::level::warn;
    case level::error:
      return spdlog::level::err;
    case level::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make_logger(const settings& wanted) {
  spdlog::sink_ptr sink;
  if (wanted.file.empty())
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  else
    sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(wanted.file, wanted.file_size,
                                                                  wanted.files_max);
  auto logger = std::make_shared<spdlog::logger>("troupe", std::move(sink));
  logger->set_level(spdlog::level::trace);
  logger->flush_on(
      spdlog::level::trace);  // what a killed process wrote last is what one wants to read
  constexpr auto utc = spdlog::pattern_time_type::utc;
  if (wanted.json)
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v)", utc);
  else
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %v", utc);
  return logger;
}

struct state {
  std::shared_mutex mutex;
  thresholds levels;
  std::shared_ptr<spdlog::logger> logger = make_logger({});
  bool json = false;
  std::string node;
  std::atomic<level> lowest{level::info};
};
// never destroyed: threads that outlive main may still log
state& shared() {
  static auto* const s = new state;
  return *s;
}

level threshold(const state& s, std::string_view component) {
  const auto found = s.levels.of.find(component);
  return found == s.levels.of.end() ? s.levels.usual : found->second;
}

// Outside quotes only what could end or forge a line is escaped.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
      out += c;
    else
      out += fmt::format("\\u00{:02x}", static_cast<unsigned char>(c));
  }
}

bool plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '"' && c != '=' && c != '\\' && c != 0x7f;
  });
}

void append_value(std::string& out, const field::held& value, bool json) {
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, bool>) {
          out += v ? "true" : "false";
        } else if constexpr (std::is_same_v<T, double>) {
          if (json && !std::isfinite(v))
            json::append_string(out, fmt::format("{}", v));
          else
            out += fmt::format("{:.6g}", v);
        } else if constexpr (std::is_integral_v<T>) {
          out += std::to_string(v);
        } else if (json || !plain(v)) {
          json::append_string(out, v);
        } else {
          out += v;
        }
      },
      value);
}
}  // namespace

std::string_view to_string(level l) { return level_names[static_cast<std::size_t>(l)]; }

result<void, std::string> check_levels(std::string_view levels) {
  auto parsed = parse_levels(levels);
  if (!parsed) return unexpected{std::move(parsed).error()};
  return {};
}

result<void, std::string> start(const settings& wanted) {
  auto parsed = parse_levels(wanted.levels);
  if (!parsed) return unexpected{std::move(parsed).error()};
  std::shared_ptr<spdlog::logger> logger;
  try {
    logger = make_logger(wanted);
  } catch (const spdlog::spdlog_ex& e) {
    return unexpected{"cannot log to '" + wanted.file + "': " + e.what()};
  }
  auto& s = shared();
  std::unique_lock lock{s.mutex};
  s.levels = std::move(*parsed);
  s.lowest.store(s.levels.lowest(), std::memory_order_relaxed);
  s.logger = std::move(logger);
  s.json = wanted.json;
  s.node = wanted.node;
  return {};
}

void name_node(std::string_view node) {
  auto& s = shared();
  std::unique_lock lock{s.mutex};
  s.node = node;
}

bool enabled(level l, std::string_view component) {
  auto& s = shared();
  if (l < s.lowest.load(std::memory_order_relaxed) || l == level::off) return false;
  std::shared_lock lock{s.mutex};
  return l >= threshold(s, component);
}

void write(level l, std::string_view component, std::string_view message, fields more) {
  auto& s = shared();
  if (l < s.lowest.load(std::memory_order_relaxed) || l == level::off) return;
  std::shared_lock lock{s.mutex};
  if (l < threshold(s, component)) return;
  const auto line = (s.json ? json_line : text_line)(l, component, message, s.node, more);
  s.logger->log(spdlog_level(l), spdlog::string_view_t{line.data(), line.size()});
}

std::string text_line(level l, std::string_view component, std::string_view message,
                      std::string_view node, fields more) {
  std::string line{to_string(l)};
  line.resize(6, ' ');
  append_escaped(line, component);
  line += ": ";
  append_escaped(line, message);
  const auto append = [&](const field& f) {
    line += ' ';
    append_escaped(line, f.key);
    line += f.milliseconds ? "_ms=" : "=";
    append_value(line, f.value, false);
  };
  if (!node.empty()) append({"node", node});
  for (const auto& f : more) append(f);
  return line;
}

std::string json_line(level l, std::string_view component, std::string_view message,
                      std::string_view node, fields more) {
  std::string line = "\"level\":\"";
  line += to_string(l);
  line += "\",\"component\":";
  json::append_string(line, component);
  line += ",\"message\":";
  json::append_string(line, message);
  const auto append = [&](const field& f) {
    line += ",\"";
    append_escaped(line, f.key);
    line += f.milliseconds ? "_ms\":" : "\":";
    append_value(line, f.value, true);
  };
  if (!node.empty()) append({"node", node});
  for (const auto& f : more) append(f);
  line += '}';
  return line;
}

bool once_per::due(instant now) {
  std::lock_guard lock{mutex_};
  if (now < next_) {
    ++left_out_;
    return false;
  }
  next_ = now + std::chrono::duration_cast<instant::duration>(interval_);
  reported_ = std::exchange(left_out_, 0);
  return true;
}

void once_per::write(level l, std::string_view component, std::string_view message, fields more) {
  if (!enabled(l, component) || !due(std::chrono::steady_clock::now())) return;
  std::uint64_t left_out = 0;
  {
    std::lock_guard lock{mutex_};
    left_out = std::exchange(reported_, 0);
  }
  if (left_out == 0) return log::write(l, component, message, more);
  auto text = std::string{message} + " (and " + std::to_string(left_out) + " more like it since)";
  log::write(l, component, text, more);
}
}  // namespace troupe::log
