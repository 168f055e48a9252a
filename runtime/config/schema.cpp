#include "runtime/config.hpp"
#include "runtime/config/file.hpp"

#include <algorithm>
#include <cassert>

namespace troupe::config {
namespace {
std::string joined(const texts& items, std::string_view between) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += between;
    out += item;
  }
  return out;
}

template <class T>
std::string write(T x) {
  if constexpr (std::is_same_v<T, nanoseconds>)
    return write_duration(x);
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return write_size(x);
  else if constexpr (std::is_same_v<T, double>)
    return write_real(x);
  else
    return std::to_string(x);
}

// " from 10ms to 1m"
template <class T>
std::string interval(const range<T>& r) {
  const range<T> all;
  const bool below = r.least > all.least, above = r.most < all.most;
  if (below && above) return " from " + write(r.least) + " to " + write(r.most);
  if (below) return " of at least " + write(r.least);
  if (above) return " of at most " + write(r.most);
  return {};
}
std::string interval(const std::monostate&) { return {}; }

std::string_view noun(kind k) {
  switch (k) {
    case kind::flag:
      return "true or false";
    case kind::integer:
      return "a whole number";
    case kind::real:
      return "a number";
    case kind::size:
      return "a size like 64KiB";
    case kind::duration:
      return "a duration like 500ms";
    case kind::text:
      return "a text";
    case kind::choice:
      return "one of";
    case kind::texts:
      return "a list";
    case kind::endpoints:
      return "a list of host:port";
  }
  return "";
}
}  // namespace

std::string environment_name(std::string_view key) {
  std::string name = "TROUPE_";
  for (const char c : key) {
    const bool lower = c >= 'a' && c <= 'z';
    name += lower ? static_cast<char>(c - 'a' + 'A') : c == '.' || c == '-' ? '_' : c;
  }
  return name;
}

std::string allowed(const option& o) {
  if (o.type == kind::choice) return joined(o.choices, ", ");
  auto text = std::string{noun(o.type)};
  return text + std::visit([](const auto& r) { return interval(r); }, o.bounds);
}

std::string to_text(const value& v) {
  return std::visit(
      [](const auto& held) -> std::string {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, bool>) {
          return held ? "true" : "false";
        } else if constexpr (std::is_same_v<T, std::string>) {
          return held;
        } else if constexpr (std::is_same_v<T, texts>) {
          return joined(held, ",");
        } else if constexpr (std::is_same_v<T, endpoints>) {
          texts all;
          for (const auto& e : held) all.push_back(to_string(e));
          return joined(all, ",");
        } else {
          return write(held);
        }
      },
      v);
}

schema& schema::add(option o) {
  assert(valid_key(o.key));
  [[maybe_unused]] const bool fresh = options_.emplace(o.key, o).second;
  assert(fresh && "an option is declared once");
  return *this;
}

schema& schema::flag(std::string key, bool initial, std::string help) {
  return add(
      {.key = std::move(key), .type = kind::flag, .initial = initial, .help = std::move(help)});
}
schema& schema::integer(std::string key, std::int64_t initial, range<std::int64_t> within,
                        std::string help) {
  return add({.key = std::move(key),
              .type = kind::integer,
              .initial = initial,
              .help = std::move(help),
              .bounds = within});
}
schema& schema::real(std::string key, double initial, range<double> within, std::string help) {
  return add({.key = std::move(key),
              .type = kind::real,
              .initial = initial,
              .help = std::move(help),
              .bounds = within});
}
schema& schema::size(std::string key, std::uint64_t initial, range<std::uint64_t> within,
                     std::string help) {
  return add({.key = std::move(key),
              .type = kind::size,
              .initial = initial,
              .help = std::move(help),
              .bounds = within});
}
schema& schema::duration(std::string key, nanoseconds initial, range<nanoseconds> within,
                         std::string help) {
  return add({.key = std::move(key),
              .type = kind::duration,
              .initial = initial,
              .help = std::move(help),
              .bounds = within});
}
schema& schema::text(std::string key, std::string initial, std::string help, check further) {
  return add({.key = std::move(key),
              .type = kind::text,
              .initial = std::move(initial),
              .help = std::move(help),
              .further = std::move(further)});
}
schema& schema::secret(std::string key, std::string help) {
  return add({.key = std::move(key),
              .type = kind::text,
              .initial = std::string{},
              .help = std::move(help),
              .secret = true});
}
schema& schema::choice(std::string key, std::string initial, texts choices, std::string help) {
  return add({.key = std::move(key),
              .type = kind::choice,
              .initial = std::move(initial),
              .help = std::move(help),
              .choices = std::move(choices)});
}
schema& schema::list(std::string key, texts initial, std::string help, check further_of_each) {
  return add({.key = std::move(key),
              .type = kind::texts,
              .initial = std::move(initial),
              .help = std::move(help),
              .further = std::move(further_of_each)});
}
schema& schema::endpoint_list(std::string key, endpoints initial, std::string help) {
  return add({.key = std::move(key),
              .type = kind::endpoints,
              .initial = std::move(initial),
              .help = std::move(help)});
}
schema& schema::reserve(std::string variable) {
  reserved_.push_back(std::move(variable));
  return *this;
}

const option* schema::find(std::string_view key) const {
  const auto found = options_.find(std::string{key});
  return found == options_.end() ? nullptr : &found->second;
}

std::string describe(const schema& options) {
  std::string table = "| Option | Default | Allowed | What for |\n|---|---|---|---|\n";
  for (const auto& [key, o] : options.options()) {
    const auto initial = to_text(o.initial);
    table += "| `" + key + "` | " + (initial.empty() ? "" : "`" + initial + "`") + " | " +
             allowed(o) + " | " + o.help + " |\n";
  }
  return table;
}
}  // namespace troupe::config
