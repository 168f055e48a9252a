#include "runtime/config.hpp"

#include "runtime/config/file.hpp"
#include "runtime/config/nearest.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include <unistd.h>

extern "C" char** environ;

namespace troupe::config {
namespace {
constexpr std::string_view prefix = "TROUPE_";

std::string quoted(const std::string& text) {
  constexpr std::size_t most = 80;
  auto shown = text.substr(0, most);
  for (auto& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return "'" + shown + (text.size() > most ? "...'" : "'");
}

std::string suggestion(std::string_view wrong, const texts& known) {
  const auto near = nearest(wrong, known);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

template <class T>
read<value> within(read<T> got, const option& o) {
  if (!got) return unexpected{std::move(got).error()};
  const auto& bounds = std::get<range<T>>(o.bounds);
  if (*got < bounds.least || *got > bounds.most) return unexpected{"is out of range"};
  return value{std::move(*got)};
}

read<value> chosen(const std::string& text, const option& o) {
  if (std::find(o.choices.begin(), o.choices.end(), text) != o.choices.end()) return value{text};
  return unexpected{"is none of the choices"};
}

read<value> checked(const std::string& text, const option& o) {
  auto wrong = o.further ? o.further(text) : std::string{};
  if (!wrong.empty()) return unexpected{"cannot be: " + wrong};
  return value{text};
}

read<value> read_one(const std::string& text, const option& o) {
  switch (o.type) {
    case kind::flag:
      return read_bool(text).transform([](bool b) { return value{b}; });
    case kind::integer:
      return within(read_integer(text), o);
    case kind::real:
      return within(read_real(text), o);
    case kind::size:
      return within(read_size(text), o);
    case kind::duration:
      return within(read_duration(text), o);
    case kind::choice:
      return chosen(text, o);
    default:
      return checked(text, o);
  }
}

using whole = result<value, std::string>;  // the error is the whole complaint

std::string complaint(const std::string& text, const option& o, const std::string& wrong) {
  const auto shown = o.secret ? std::string{"the value"} : quoted(text);
  const auto near = o.type == kind::choice ? suggestion(text, o.choices) : std::string{};
  return shown + " " + wrong + "; allowed: " + allowed(o) + near;
}

whole read_texts(const texts& items, const option& o) {
  for (const auto& item : items)
    if (auto fine = checked(item, o); !fine) return unexpected{complaint(item, o, fine.error())};
  return value{items};
}

whole read_endpoints(const texts& items, const option& o) {
  endpoints all;
  for (const auto& item : items) {
    auto e = read_endpoint(item);
    if (!e) return unexpected{complaint(item, o, e.error())};
    all.push_back(std::move(*e));
  }
  return value{std::move(all)};
}

whole read_value(const texts& items, bool list, const option& o) {
  const bool wants_list = o.type == kind::texts || o.type == kind::endpoints;
  if (!wants_list && list)
    return unexpected{"takes one value and not a list; allowed: " + allowed(o)};
  if (!wants_list) {
    auto one = read_one(items.front(), o);
    if (!one) return unexpected{complaint(items.front(), o, one.error())};
    return std::move(*one);
  }
  const auto split = list ? items : split_list(items.front());
  return o.type == kind::texts ? read_texts(split, o) : read_endpoints(split, o);
}
}  // namespace

// Gathers settings and refusals, source by source.
struct loader {
  explicit loader(const schema& s) : options(s) {
    for (const auto& [key, o] : options.options()) {
      found.all_[key] = {o.initial, "default", o.secret};
      keys.push_back(key);
      variables.push_back(environment_name(key));
    }
  }

  void refuse(const std::string& source, const std::string& sentence) {
    refusals += source + ": " + sentence + "\n";
  }

  void set(const option& o, const texts& items, bool list, const std::string& source) {
    auto got = read_value(items, list, o);
    if (!got) return refuse(source, "'" + o.key + "': " + got.error());
    found.all_[o.key] = {std::move(*got), source, o.secret};
  }

  void take_file(std::string_view text, const std::string& name) {
    const auto entries = parse_file(text);
    if (!entries)
      return refuse(name + ":" + std::to_string(entries.error().line), entries.error().sentence);
    std::map<std::string, std::size_t> lines;
    for (const auto& e : *entries) {
      const auto source = name + ":" + std::to_string(e.line);
      const auto [before, first] = lines.emplace(e.key, e.line);
      const auto* const o = options.find(e.key);
      if (!o)
        refuse(source, "there is no option '" + e.key + "'" + suggestion(e.key, keys));
      else if (!first)
        refuse(source,
               "'" + e.key + "' was set in line " + std::to_string(before->second) + " before");
      else
        set(*o, e.items, e.list, source);
    }
  }

  void read_file(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    std::string text(file_size_max + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || (in.fail() && !in.eof()))
      return refuse(path,
                    std::string{"the configuration file cannot be read: "} + std::strerror(errno));
    text.resize(static_cast<std::size_t>(in.gcount()));
    take_file(text, path);
  }

  void take_environment(const std::vector<std::pair<std::string, std::string>>& environment) {
    for (const auto& [name, text] : environment) {
      const auto& ignored = options.reserved();
      if (name.compare(0, prefix.size(), prefix) != 0) continue;
      if (std::find(ignored.begin(), ignored.end(), name) != ignored.end()) continue;
      const auto at = std::find(variables.begin(), variables.end(), name);
      if (at == variables.end())
        refuse(name, "no option has this variable" + suggestion(name, variables));
      else
        set(*options.find(keys[static_cast<std::size_t>(at - variables.begin())]), {text}, false,
            name);
    }
  }

  void take_flags(const std::vector<std::pair<std::string, std::string>>& flags) {
    for (const auto& [key, text] : flags) {
      if (const auto* const o = options.find(key))
        set(*o, {text}, false, "--" + key);
      else
        refuse("--" + key, "there is no such option" + suggestion(key, keys));
    }
  }

  result<settings, std::string> finish() {
    if (!refusals.empty()) return unexpected{std::move(refusals)};
    return std::move(found);
  }

  const schema& options;
  settings found;
  std::string refusals;
  texts keys, variables;
};

std::vector<std::pair<std::string, std::string>> environment() {
  std::vector<std::pair<std::string, std::string>> ours;
  for (char** at = environ; at && *at; ++at) {
    const std::string_view text{*at};
    const auto equals = text.find('=');
    if (text.compare(0, prefix.size(), prefix) == 0 && equals != text.npos)
      ours.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  std::sort(ours.begin(), ours.end());
  return ours;
}

result<settings, std::string> load(const schema& options, const sources& from) {
  loader l{options};
  if (!from.file.empty()) l.read_file(from.file);
  l.take_environment(from.environment);
  l.take_flags(from.flags);
  return l.finish();
}

result<settings, std::string> load_text(const schema& options, std::string_view text,
                                        const std::string& name, const sources& from) {
  loader l{options};
  l.take_file(text, name);
  l.take_environment(from.environment);
  l.take_flags(from.flags);
  return l.finish();
}

const settings::setting& settings::at(std::string_view key) const {
  const auto found = all_.find(key);
  if (found != all_.end()) return found->second;
  std::fprintf(stderr, "a bug: the option '%.*s' was read and never declared\n",
               static_cast<int>(key.size()), key.data());
  std::abort();
}

template <class T>
const T& settings::get(std::string_view key) const {
  const auto* const held = std::get_if<T>(&at(key).held);
  if (held) return *held;
  std::fprintf(stderr, "a bug: the option '%.*s' was read as another type\n",
               static_cast<int>(key.size()), key.data());
  std::abort();
}
template const bool& settings::get<bool>(std::string_view) const;
template const std::int64_t& settings::get<std::int64_t>(std::string_view) const;
template const double& settings::get<double>(std::string_view) const;
template const std::uint64_t& settings::get<std::uint64_t>(std::string_view) const;
template const nanoseconds& settings::get<nanoseconds>(std::string_view) const;
template const std::string& settings::get<std::string>(std::string_view) const;
template const texts& settings::get<texts>(std::string_view) const;
template const endpoints& settings::get<endpoints>(std::string_view) const;

const std::string& settings::source(std::string_view key) const { return at(key).source; }

std::string settings::show() const {
  std::string out;
  for (const auto& [key, s] : all_) {
    const auto text = to_text(s.held);
    entry e{.key = key, .items = {s.secret && !text.empty() ? "***" : text}};
    auto line = write_file({e});
    line.pop_back();
    out += line + "  # " + s.source + "\n";
  }
  return out;
}
}  // namespace troupe::config
