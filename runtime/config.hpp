// One typed configuration: options are declared once, and take their values from, in this order, their defaults, a
// file (runtime/config/file.hpp), the environment and flags.
//   config::schema options;
//   options.duration("membership.probe-interval", 500ms, {10ms, 1min}, "how often a node probes another");
//   auto settings = config::load(options, {.file = "troupe.conf", .environment = config::environment()});
//   if (!settings) { std::cerr << settings.error(); return 2; }
//   settings->duration("membership.probe-interval")
// The same option is `probe-interval` below [membership] in a file, TROUPE_MEMBERSHIP_PROBE_INTERVAL in the
// environment and --membership.probe-interval as a flag.
//   Promises  what nobody declared and what cannot be is refused, all of it at once, each by its name and its source,
//             with what is allowed and the nearest name there is; values are in range, so that readers need no checks
//   Beware    asking for an option that is not declared, or as another type, is a bug: it ends the process
#pragma once
#include "patterns/result.hpp"
#include "runtime/config/value.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
namespace CLI {
class App;
}
namespace troupe::config {
using texts = std::vector<std::string>;
using endpoints = std::vector<endpoint>;
using nanoseconds = std::chrono::nanoseconds;
using value = std::variant<bool, std::int64_t, double, std::uint64_t, nanoseconds, std::string,
                           texts, endpoints>;
// Says what is wrong with a text, or nothing.
using check = std::function<std::string(const std::string&)>;

template <class T>
struct range {
  T least = std::numeric_limits<T>::lowest();
  T most = std::numeric_limits<T>::max();
};
template <>
struct range<nanoseconds> {
  nanoseconds least{0};
  nanoseconds most = nanoseconds::max();
};

enum class kind { flag, integer, real, size, duration, text, choice, texts, endpoints };

struct option {
  std::string key{};
  kind type = kind::text;
  value initial{};
  std::string help{};
  texts choices{};  // of a choice
  std::variant<std::monostate, range<std::int64_t>, range<double>, range<std::uint64_t>,
               range<nanoseconds>>
      bounds{};
  check further{};
  bool secret = false;  // never shown
};
std::string environment_name(std::string_view key);  // TROUPE_MEMBERSHIP_PROBE_INTERVAL
std::string allowed(const option& o);                // "a duration from 10ms to 1m"
std::string to_text(const value& v);

class schema {
 public:
  schema& flag(std::string key, bool initial, std::string help);
  schema& integer(std::string key, std::int64_t initial, range<std::int64_t> within,
                  std::string help);
  schema& real(std::string key, double initial, range<double> within, std::string help);
  schema& size(std::string key, std::uint64_t initial, range<std::uint64_t> within,
               std::string help);
  schema& duration(std::string key, nanoseconds initial, range<nanoseconds> within,
                   std::string help);
  schema& text(std::string key, std::string initial, std::string help, check further = {});
  schema& secret(std::string key, std::string help);
  schema& choice(std::string key, std::string initial, texts choices, std::string help);
  schema& list(std::string key, texts initial, std::string help, check further_of_each = {});
  schema& endpoint_list(std::string key, endpoints initial, std::string help);
  // A variable of the environment that begins with TROUPE_ and is none of ours to read.
  schema& reserve(std::string variable);

  const std::map<std::string, option>& options() const { return options_; }
  const texts& reserved() const { return reserved_; }
  const option* find(std::string_view key) const;

 private:
  schema& add(option o);
  std::map<std::string, option> options_;
  texts reserved_;
};

struct sources {
  std::string file{};                                              // a path; empty: none
  std::vector<std::pair<std::string, std::string>> environment{};  // see below
  std::vector<std::pair<std::string, std::string>> flags{};  // key and text, the last one counts
};
// The process's variables that begin with TROUPE_.
std::vector<std::pair<std::string, std::string>> environment();

class settings {
 public:
  bool flag(std::string_view key) const { return get<bool>(key); }
  std::int64_t integer(std::string_view key) const { return get<std::int64_t>(key); }
  double real(std::string_view key) const { return get<double>(key); }
  std::uint64_t size(std::string_view key) const { return get<std::uint64_t>(key); }
  nanoseconds duration(std::string_view key) const { return get<nanoseconds>(key); }
  const std::string& text(std::string_view key) const { return get<std::string>(key); }
  const texts& list(std::string_view key) const { return get<texts>(key); }
  const endpoints& endpoint_list(std::string_view key) const { return get<endpoints>(key); }
  // "default", "troupe.conf:12", "TROUPE_LOG_LEVEL", "--log.level"
  const std::string& source(std::string_view key) const;
  bool is_default(std::string_view key) const { return source(key) == "default"; }
  // Every option as `key = value  # source`, as a file would have it; secrets are masked.
  std::string show() const;

 private:
  friend struct loader;
  struct setting {
    value held{};
    std::string source{};
    bool secret = false;
  };
  template <class T>
  const T& get(std::string_view key) const;
  const setting& at(std::string_view key) const;
  std::map<std::string, setting, std::less<>> all_;
};

// All refusals, one a line.
result<settings, std::string> load(const schema& options, const sources& from);
// The same with the file's text in hand; `name` is what refusals call it.
result<settings, std::string> load_text(const schema& options, std::string_view text,
                                        const std::string& name, const sources& from = {});

// The reference as a Markdown table, for the README and `--help`.
std::string describe(const schema& options);

// Adds every option as a flag --key; what is given lands in `into.flags`, to be handed to `load`. They stand in help
// below `group`; an empty one hides them.
void add_flags(CLI::App& app, const schema& options, sources& into,
               const std::string& group = "Settings");
}  // namespace troupe::config
