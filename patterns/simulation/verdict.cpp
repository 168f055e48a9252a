#include "patterns/simulation/verdict.hpp"

#include <algorithm>
namespace troupe::simulation {
namespace {
using namespace std::chrono_literals;

class shrinking {
 public:
  shrinking(const plan& p, const verdict& found, const runner& run, unsigned runs_max)
      : result_{p, p, found, 0, false}, run_(run), runs_max_(runs_max) {}

  failure operator()() {
    bool smaller = true;
    while (smaller && !result_.exhausted) {
      smaller = cut_time();
      smaller = fewer_faults() || smaller;
      smaller = fewer_members() || smaller;
      smaller = fewer_names() || smaller;
      smaller = milder() || smaller;
    }
    return std::move(result_);
  }

 private:
  plan& best() { return result_.shortest; }

  bool still(const plan& p) {
    if (result_.runs >= runs_max_) {
      result_.exhausted = true;
      return false;
    }
    ++result_.runs;
    const verdict v = run_(p);
    if (v.claim != result_.found.claim) return false;
    result_.found = v;
    best() = p;
    return true;
  }

  // Nothing after the failure matters; before it, time can be shorter.
  bool cut_time() {
    bool any = false;
    plan p = best();
    std::erase_if(p.faults, [&](const fault& f) { return f.at > result_.found.at; });
    if (p.faults.size() < best().faults.size()) any = still(p);
    p = best();
    instant last{};
    for (const auto& f : p.faults) last = std::max(last, f.at + f.length);
    if (last < p.length) {
      p.length = last;
      any = still(p) || any;
    }
    // times on whole seconds, then tenths, read better; earlier is better still
    for (std::size_t i = 0; i < best().faults.size(); ++i) {
      for (const duration grain : {duration{1s}, duration{100ms}, duration{10ms}}) {
        p = best();
        auto& f = p.faults[i];
        if (f.at % grain == 0ns) break;
        f.at = f.at / grain * grain;
        std::stable_sort(p.faults.begin(), p.faults.end(),
                         [](const fault& a, const fault& b) { return a.at < b.at; });
        if (still(p)) {
          any = true;
          break;
        }
      }
    }
    return any;
  }

  // Zeller's ddmin: subsets are not worth trying here, complements are.
  bool fewer_faults() {
    bool any = false;
    std::size_t parts = 2;
    if (best().faults.size() == 1) parts = 1;
    while (!best().faults.empty() && parts <= best().faults.size() && !result_.exhausted) {
      bool reduced = false;
      for (std::size_t i = 0; i < parts && !reduced; ++i) {
        plan p = best();
        const std::size_t n = p.faults.size();
        const auto from = static_cast<std::ptrdiff_t>(n * i / parts);
        const auto to = static_cast<std::ptrdiff_t>(n * (i + 1) / parts);
        p.faults.erase(p.faults.begin() + from, p.faults.begin() + to);
        reduced = still(p);
      }
      any = any || reduced;
      if (reduced) {
        parts = std::max<std::size_t>(parts - 1, best().faults.size() == 1 ? 1 : 2);
      } else if (parts == best().faults.size()) {
        break;
      } else {
        parts = std::min(parts * 2, best().faults.size());
      }
    }
    return any;
  }

  static void without(std::vector<member>& all, member gone) {
    std::erase(all, gone);
    for (auto& m : all) m -= m > gone ? 1 : 0;
  }
  bool fewer_members() {
    bool any = false;
    for (member gone = best().members; gone-- > 0 && best().members > 1;) {
      plan p = best();
      --p.members;
      std::erase_if(p.faults, [&](const fault& f) {
        const std::vector<member> alone{gone};
        return f.who == alone || f.whom == alone;
      });
      for (auto& f : p.faults) {
        without(f.who, gone);
        without(f.whom, gone);
      }
      any = still(p) || any;
    }
    return any;
  }
  // A fault of many members may do with fewer.
  bool fewer_names() {
    bool any = false;
    for (std::size_t i = 0; i < best().faults.size(); ++i) {
      for (auto names : {&fault::who, &fault::whom}) {
        for (std::size_t k = (best().faults[i].*names).size(); k-- > 0;) {
          plan p = best();
          auto& all = p.faults[i].*names;
          if (all.size() < 2) break;
          all.erase(all.begin() + static_cast<std::ptrdiff_t>(k));
          any = still(p) || any;
        }
      }
    }
    return any;
  }

  // Shorter faults and weaker ones: halves, as long as it still fails.
  bool milder() {
    bool any = false;
    for (std::size_t i = 0; i < best().faults.size(); ++i) {
      for (int halves = 0; halves < 6; ++halves) {
        plan p = best();
        auto& f = p.faults[i];
        if (f.length < 20ms) break;
        f.length = f.length / 2 / 10ms * 10ms;
        if (!still(p)) break;
        any = true;
      }
      for (int halves = 0; halves < 6; ++halves) {
        plan p = best();
        auto& f = p.faults[i];
        if (f.amount > -1000 && f.amount < 1000) break;
        f.amount = f.amount / 2 / 100 * 100;
        if (!still(p)) break;
        any = true;
      }
    }
    return any;
  }

  failure result_;
  const runner& run_;
  const unsigned runs_max_;
};
}  // namespace

failure shrink(const plan& p, const verdict& found, const runner& run, unsigned runs_max) {
  return shrinking{p, found, run, runs_max}();
}

campaign_result campaign(const std::vector<std::uint64_t>& seeds,
                         const std::function<plan(std::uint64_t)>& drawing, const runner& run,
                         unsigned runs_max) {
  campaign_result result;
  for (const auto seed : seeds) {
    const plan p = drawing(seed);
    const verdict v = run(p);
    ++result.seeds;
    result.steps += v.steps;
    if (!v.failed()) continue;
    result.found = shrink(p, v, run, runs_max);
    return result;
  }
  return result;
}

std::string story(const failure& f) {
  std::string text = "seed " + std::to_string(f.drawn.seed) + " breaks: " + f.found.claim + "\n  " +
                     f.found.what + "\n  at " + time_text(f.found.at) + ", after " +
                     std::to_string(f.found.steps) + " steps\nthe shortest plan found in " +
                     std::to_string(f.runs) + " runs, " + std::to_string(f.shortest.faults.size()) +
                     " of " + std::to_string(f.drawn.faults.size()) + " faults" +
                     (f.exhausted ? " (it might be shorter)" : "") + ":\n";
  return text + timeline(f.shortest);
}
}  // namespace troupe::simulation
