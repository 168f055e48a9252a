#include "cluster/program/fault_flags.hpp"

#include "runtime/config/value.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::program {
namespace {
using simulation::duration, simulation::fault, simulation::fault_kind, simulation::member;
using sentence = std::string;

bool in_parts(fault_kind k) {
  return k == fault_kind::lose || k == fault_kind::repeat || k == fault_kind::skew;
}
bool in_time(fault_kind k) { return k == fault_kind::delay || k == fault_kind::slow_disk; }
bool on_links(fault_kind k) { return simulation::of_network(k) && k != fault_kind::partition; }

// 5% or 0.05, as parts of a million.
result<std::int64_t, sentence> parts_from(std::string_view text, bool signed_too) {
  const bool percent = text.ends_with('%');
  const auto read = config::read_real(percent ? text.substr(0, text.size() - 1) : text);
  if (!read) return unexpected{"'" + std::string{text} + "' is no probability, such as 5% or 0.05"};
  const double x = percent ? *read / 100 : *read;
  const double most = signed_too ? 0.5 : 1;
  if (!(x <= most && x >= (signed_too ? -0.5 : 0))) {
    return unexpected{"'" + std::string{text} + "' is not between " +
                      (signed_too ? "-50% and 50%" : "0% and 100%")};
  }
  return static_cast<std::int64_t>(std::llround(x * simulation::million));
}

result<duration, sentence> time_from(std::string_view text) {
  const auto read = config::read_duration(text);
  if (!read) return unexpected{"'" + std::string{text} + "' " + read.error()};
  if (*read < duration{}) return unexpected{"'" + std::string{text} + "' is before the beginning"};
  return *read;
}

// The names of plans: a to z, ba, bb, ... The event log's names read the same: aab is b.
result<std::vector<member>, sentence> members_from(std::string_view text, std::uint32_t members) {
  std::vector<member> all;
  if (text.empty() || text == "all") return all;
  for (const auto& name : config::split_list(text)) {
    const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
    if (name.empty() || name.size() > 5 || !std::all_of(name.begin(), name.end(), letter))
      return unexpected{"'" + name + "' is no member; members are a, b, c, ..."};
    std::uint64_t number = 0;
    for (const char c : name) number = number * 26 + static_cast<std::uint64_t>(c - 'a');
    if (number >= members)
      return unexpected{"there is no member '" + name + "' among " + std::to_string(members)};
    all.push_back(static_cast<member>(number));
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// Cuts off what follows the last `mark`, if there is one.
std::string_view cut_off(std::string_view& text, char mark) {
  const auto place = text.rfind(mark);
  if (place == text.npos) return {};
  const auto rest = text.substr(place + 1);
  text = text.substr(0, place);
  return rest;
}

result<void, sentence> read_amount(std::string_view text, fault& f) {
  if (in_time(f.what)) {
    const auto d = time_from(text);
    if (!d) return unexpected{d.error()};
    f.amount = d->count();
  } else {
    const auto parts = parts_from(text, f.what == fault_kind::skew);
    if (!parts) return unexpected{parts.error()};
    f.amount = *parts;
  }
  return {};
}

result<void, sentence> read_members(std::string_view text, std::uint32_t members, fault& f) {
  auto from = text;
  std::string_view to;
  if (on_links(f.what)) {
    const auto colon = text.find(':');
    from = text.substr(0, colon);
    if (colon != text.npos) to = text.substr(colon + 1);
  }
  auto who = members_from(from, members), whom = members_from(to, members);
  if (!who) return unexpected{who.error()};
  if (!whom) return unexpected{whom.error()};
  f.who = std::move(*who);
  f.whom = std::move(*whom);
  return {};
}

result<void, sentence> read_fault(std::string_view text, const simulation::plan& of, fault& f) {
  if (text.empty()) return unexpected{sentence{"nothing is said"}};
  const bool lasting = text.find('+') != text.npos;
  const auto length = cut_off(text, '+'), begin = cut_off(text, '@');
  if (!begin.empty()) {
    const auto at = time_from(begin);
    if (!at) return unexpected{at.error()};
    f.at = *at;
  }
  if (f.at > of.length)
    return unexpected{simulation::time_text(f.at) + " is after the end of the faults, " +
                      simulation::time_text(of.length)};
  f.length = of.length - f.at;
  if (lasting) {
    const auto lasts = time_from(length);
    if (!lasts) return unexpected{lasts.error()};
    f.length = *lasts;
  }
  auto who = text;
  if (in_parts(f.what) || in_time(f.what)) {
    const auto equals = text.find('=');
    who = equals == text.npos ? std::string_view{} : text.substr(0, equals);
    if (const auto ok = read_amount(equals == text.npos ? text : text.substr(equals + 1), f); !ok)
      return ok;
  } else if (who.empty()) {
    return unexpected{sentence{"it does not say who; all is everybody"}};
  }
  if (const auto ok = read_members(who, of.members, f); !ok) return ok;
  if (f.what == fault_kind::partition && (f.who.empty() || f.who.size() >= of.members))
    return unexpected{sentence{"a partition has two sides; name one of them"}};
  return {};
}
}  // namespace

const std::vector<fault_flag>& fault_flags() {
  constexpr auto amount = "[FROM:TO=]P[@AT][+FOR] ...", who = "WHO[@AT][+FOR] ...";
  static const std::vector<fault_flag> all{
      {"--loss", fault_kind::lose, amount, "messages vanish"},
      {"--duplicate", fault_kind::repeat, amount, "messages come twice"},
      {"--delay", fault_kind::delay, "[FROM:TO=]TIME[@AT][+FOR] ...",
       "each message takes up to so much longer, so that they overtake each other"},
      {"--cut", fault_kind::cut, "FROM:TO[@AT][+FOR] ...", "nothing passes, this way"},
      {"--partition", fault_kind::partition, who, "nothing passes between these and the rest"},
      {"--crash", fault_kind::crash, who, "down; restarted from disk when it ends"},
      {"--crash-unsynced", fault_kind::crash_unsynced, who,
       "the same, at the next write, before its sync"},
      {"--crash-unsent", fault_kind::crash_unsent, who,
       "the same, after that sync, before any send"},
      {"--tear", fault_kind::tear, who, "a crash that leaves a part of the first record it loses"},
      {"--rot", fault_kind::rot, who, "a crash, and a bit of what was written has flipped"},
      {"--freeze,--pause", fault_kind::freeze, who, "takes no step; what arrives waits"},
      {"--skew", fault_kind::skew, "[WHO=]P[@AT][+FOR] ...",
       "the clock is so much faster, or slower (-2%)"},
      {"--slow-disk", fault_kind::slow_disk, "[WHO=]TIME[@AT][+FOR] ...",
       "each sync takes so much longer"},
  };
  return all;
}

result<fault, sentence> fault_from_flag(const fault_flag& flag, std::string_view text,
                                        const simulation::plan& of) {
  fault f{.what = flag.kind};
  if (const auto ok = read_fault(text, of, f); !ok) {
    std::string form{flag.form};
    form.resize(form.find(" ..."));
    return unexpected{flag.name() + " '" + std::string{text} + "': " + ok.error() +
                      " (the form is " + form + ")"};
  }
  return f;
}
}  // namespace troupe::program
