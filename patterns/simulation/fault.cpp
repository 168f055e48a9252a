#include "patterns/simulation/fault.hpp"

#include <algorithm>
namespace troupe::simulation {
namespace {
using namespace std::chrono_literals;

duration rounded(duration d, duration grain) { return d / grain * grain; }

std::vector<member> some(generator& chance, std::uint32_t members, std::uint32_t count) {
  std::vector<member> all(members);
  for (member m = 0; m < members; ++m) all[m] = m;
  for (std::uint32_t i = 0; i < count && i < members; ++i) {
    std::swap(all[i], all[i + static_cast<std::size_t>(chance.below(members - i))]);
  }
  all.resize(std::min(count, members));
  std::sort(all.begin(), all.end());
  return all;
}

// Both sides of a partition have somebody.
std::vector<member> a_side(generator& chance, std::uint32_t members) {
  if (members < 2) return {};
  return some(chance, members, 1 + static_cast<std::uint32_t>(chance.below(members - 1)));
}

// All links, those of one member, those to one, or a single one.
void on_links(generator& chance, std::uint32_t members, fault& f, bool all_too) {
  const auto shape = chance.below(all_too ? 4 : 3);
  if (shape != 1 && shape != 3) f.who = some(chance, members, 1);
  if (shape != 0 && shape != 3) f.whom = some(chance, members, 1);
  if (f.who == f.whom && !f.who.empty()) f.whom.clear();
}

std::vector<member> of_whom(generator& chance, std::uint32_t members) {
  // mostly one; now and then many at once, as when a rack loses power
  const bool many = chance.below(8) == 0;
  return some(chance, members, many ? 1 + static_cast<std::uint32_t>(chance.below(members)) : 1);
}

bool disturbs(const fault& f) { return brings_down(f.what) || f.what == fault_kind::freeze; }

// How many are down or frozen at any time while `f` lasts, `f` included.
std::size_t disturbed_with(const std::vector<fault>& others, const fault& f) {
  std::vector<member> all = f.who;
  for (const auto& o : others) {
    if (!disturbs(o) || o.at > f.at + f.length || f.at > o.at + o.length) continue;
    all.insert(all.end(), o.who.begin(), o.who.end());
  }
  std::sort(all.begin(), all.end());
  return static_cast<std::size_t>(std::unique(all.begin(), all.end()) - all.begin());
}
}  // namespace

plan draw(std::uint64_t seed, std::uint32_t members, duration length, duration calm,
          const menu& from) {
  plan p{seed, members, length, calm, {}};
  generator chance{derived(seed, 1)};
  const unsigned intensity = 1 + static_cast<unsigned>(chance.below(4));  // in quarters
  for (const auto& a : from.kinds) {
    if (chance.below(2) == 0) continue;  // the swarm: half of the kinds
    const auto most = std::max<std::uint64_t>(a.count_max * intensity / 4, 1);
    for (auto n = 1 + chance.below(most); n > 0; --n) {
      fault f{.what = a.what};
      f.at = rounded(chance.between({}, length), from.grain);
      f.length =
          std::min(rounded(chance.between(a.length_min, a.length_max), from.grain), length - f.at);
      f.amount = a.amount_min + static_cast<std::int64_t>(chance.below(
                                    static_cast<std::uint64_t>(a.amount_max - a.amount_min) + 1));
      if (f.what == fault_kind::partition) {
        f.who = a_side(chance, members);
        if (f.who.empty()) continue;
      } else if (of_network(f.what)) {
        if (members < 2) continue;
        on_links(chance, members, f, f.what != fault_kind::cut);
      } else {
        f.who = of_whom(chance, members);
      }
      const bool too_many =
          from.disturbed_max > 0 && disturbs(f) && disturbed_with(p.faults, f) > from.disturbed_max;
      if (!too_many && f.length > 0ns) p.faults.push_back(std::move(f));
    }
  }
  std::stable_sort(p.faults.begin(), p.faults.end(),
                   [](const fault& a, const fault& b) { return a.at < b.at; });
  return p;
}

menu everything(duration length) {
  const auto part = [&](int n) { return std::max<duration>(length / n, 1ms); };
  return {.kinds = {
              {fault_kind::lose, 4, part(10), length, 1'000, 300'000},
              {fault_kind::repeat, 4, part(10), length, 1'000, 300'000},
              {fault_kind::delay, 4, part(20), length, 1'000'000, part(20).count()},
              {fault_kind::cut, 6, part(50), part(3), 0, 0},
              {fault_kind::partition, 4, part(50), part(3), 0, 0},
              {fault_kind::crash, 6, part(100), part(4), 0, 0},
              {fault_kind::crash_unsynced, 3, part(10), part(4), 0, 0},
              {fault_kind::crash_unsent, 3, part(10), part(4), 0, 0},
              {fault_kind::tear, 3, part(100), part(4), 0, 0},
              {fault_kind::freeze, 6, part(100), part(3), 0, 0},
              {fault_kind::skew, 3, part(4), length, -50'000, 50'000},
              {fault_kind::slow_disk, 3, part(10), length, 1'000'000, part(20).count()},
          }};
}
}  // namespace troupe::simulation
