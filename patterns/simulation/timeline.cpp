// The text form of plans: read by people, and read back.
#include "patterns/simulation/fault.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
namespace troupe::simulation {
namespace {
// 5% of a million is 50000; 1.25 s are 1250000000 ns: whole numbers with a decimal point.
std::string decimal(std::int64_t x, int digits) {
  const bool negative = x < 0;
  auto text = std::to_string(negative ? -x : x);
  if (text.size() <= static_cast<std::size_t>(digits)) {
    text.insert(0, static_cast<std::size_t>(digits) + 1 - text.size(), '0');
  }
  text.insert(text.size() - static_cast<std::size_t>(digits), 1, '.');
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return (negative ? "-" : "") + text;
}

std::optional<std::int64_t> from_decimal(std::string_view text, int digits) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto point = text.find('.');
  std::string all{text.substr(0, point)};
  std::string part{point == text.npos ? std::string_view{} : text.substr(point + 1)};
  if (all.empty() || part.size() > static_cast<std::size_t>(digits)) return {};
  part.resize(static_cast<std::size_t>(digits), '0');
  all += part;
  std::int64_t x = 0;
  const auto [end, error] = std::from_chars(all.data(), all.data() + all.size(), x);
  if (error != std::errc{} || end != all.data() + all.size() || x < 0) return {};
  return negative ? -x : x;
}

std::optional<duration> time_from(std::string_view text) {
  if (!text.ends_with('s')) return {};
  const auto x = from_decimal(text.substr(0, text.size() - 1), 9);
  return x && *x >= 0 ? std::optional{duration{*x}} : std::nullopt;
}

bool in_time(fault_kind k) { return k == fault_kind::delay || k == fault_kind::slow_disk; }
bool in_parts(fault_kind k) {
  return k == fault_kind::lose || k == fault_kind::repeat || k == fault_kind::skew;
}

std::optional<member> member_from(std::string_view name) {
  std::uint64_t number = 0;
  if (name.empty() || name.size() > 5) return {};
  for (const char c : name) {
    if (c < 'a' || c > 'z') return {};
    number = number * 26 + static_cast<std::uint64_t>(c - 'a');
  }
  return static_cast<member>(number);
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> all;
  while (true) {
    const auto from = line.find_first_not_of(" \t\r");
    if (from == line.npos) return all;
    const auto to = std::min(line.find_first_of(" \t\r", from), line.size());
    all.push_back(line.substr(from, to - from));
    line.remove_prefix(to);
  }
}

template <class Integer>
bool number(std::string_view text, Integer& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

std::optional<fault> fault_from(const std::vector<std::string_view>& w) {
  fault f;
  if (w.size() < 2) return {};
  const auto at = time_from(w[0]);
  const auto kind = enum_from<fault_kind>(w[1]);
  if (!at || !kind) return {};
  f.at = *at;
  f.what = *kind;
  std::size_t i = 2;
  if (in_time(f.what) || in_parts(f.what)) {
    if (i == w.size()) return {};
    const auto text = w[i++];
    if (in_time(f.what)) {
      const auto d = time_from(text);
      if (!d) return {};
      f.amount = d->count();
    } else {
      const auto x =
          text.ends_with('%') ? from_decimal(text.substr(0, text.size() - 1), 4) : std::nullopt;
      if (!x) return {};
      f.amount = *x;
    }
  }
  auto* names = &f.who;
  for (; i < w.size() && w[i] != "for"; ++i) {
    if (w[i] == "->") {
      names = &f.whom;
    } else if (w[i] != "all") {
      const auto m = member_from(w[i]);
      if (!m) return {};
      names->push_back(*m);
    }
  }
  if (i == w.size()) return f;
  if (i + 2 != w.size()) return {};
  const auto length = time_from(w[i + 1]);
  if (!length) return {};
  f.length = *length;
  return f;
}

bool first_line(const std::vector<std::string_view>& w, plan& p) {
  if (w.size() != 8 || w[0] != "seed" || w[2] != "members" || w[4] != "for" || w[6] != "calm") {
    return false;
  }
  const auto length = time_from(w[5]), calm = time_from(w[7]);
  if (!number(w[1], p.seed) || !number(w[3], p.members) || !length || !calm) return false;
  p.length = *length;
  p.calm = *calm;
  return p.members > 0;
}
}  // namespace

std::string time_text(duration d) { return decimal(d.count(), 9) + "s"; }

std::string name_of(member m) {
  std::string name;
  do {
    name.insert(name.begin(), static_cast<char>('a' + m % 26));
    m /= 26;
  } while (m > 0);
  return name;
}

std::string timeline(const fault& f) {
  std::string text = time_text(f.at) + ' ' + std::string{to_string(f.what)};
  if (in_time(f.what)) text += ' ' + time_text(duration{f.amount});
  if (in_parts(f.what)) text += ' ' + decimal(f.amount, 4) + '%';
  if (f.who.empty()) text += " all";
  for (const auto m : f.who) text += ' ' + name_of(m);
  if (of_network(f.what) && f.what != fault_kind::partition) {
    text += f.whom.empty() ? " -> all" : " ->";
    for (const auto m : f.whom) text += ' ' + name_of(m);
  }
  if (f.length > duration{}) text += " for " + time_text(f.length);
  return text;
}

std::string timeline(const plan& p) {
  std::string text = "seed " + std::to_string(p.seed) + " members " + std::to_string(p.members) +
                     " for " + time_text(p.length) + " calm " + time_text(p.calm) + '\n';
  for (const auto& f : p.faults) text += timeline(f) + '\n';
  return text;
}

result<plan, std::string> plan_from(std::string_view text) {
  plan p;
  bool begun = false;
  for (unsigned line = 1; !text.empty(); ++line) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto w = words(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto wrong = [&](const std::string& what) {
      return unexpected{"line " + std::to_string(line) + ": " + what};
    };
    if (w.empty()) continue;
    if (!begun) {
      if (!first_line(w, p)) {
        return wrong("expected 'seed S members N for TIME calm TIME', times such as 1.25s");
      }
      begun = true;
      continue;
    }
    auto f = fault_from(w);
    if (!f) return wrong("expected a fault, such as '1.25s partition a b for 3s'");
    for (auto* names : {&f->who, &f->whom}) {
      std::sort(names->begin(), names->end());
      if (!names->empty() && names->back() >= p.members) {
        return wrong("there is no member '" + name_of(names->back()) + "'");
      }
    }
    p.faults.push_back(std::move(*f));
  }
  if (!begun) return unexpected{std::string{"there is no plan: the text is empty"}};
  return p;
}
}  // namespace troupe::simulation
