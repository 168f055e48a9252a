// Founding under lost, repeated and reordered messages, crashes and views that differ: one log, or none yet.
#include "patterns/consensus/founding.hpp"
#include "patterns/simulation/random.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <doctest/doctest.h>
namespace {
using namespace troupe::founding;
using namespace std::chrono_literals;
using troupe::simulation::generator;

struct town {
  struct place {
    std::string name{};
    std::optional<charter> disk{};
    std::string known{};  // of the disk: whose log has begun
    std::optional<charter> begun{};
    std::optional<founder> core{};
    std::uint32_t lives = 0;
  };
  explicit town(std::uint64_t seed, std::size_t size, std::uint32_t expects)
      : chance{seed}, expects_{expects} {
    for (std::size_t i = 0; i < size; ++i)
      places.push_back({.name = std::string(1, static_cast<char>('a' + i))});
    for (auto& p : places) boot(p);
  }
  void boot(place& p) {
    p.core.emplace(
        presence{p.name, static_cast<troupe::raft::server>(p.name[0]), expects_, p.known}, p.disk,
        p.name + std::to_string(++p.lives));
  }
  void say(place& from, output& out, bool dies) {
    if (out.persist) {
      if (dies && chance() % 2 == 0) return boot(from);  // before it was durable
      from.disk = out.persist;                           // as it is, also without an id
    }
    if (out.begin) {
      from.begun = out.begin;
      from.known = out.begin->cluster;
    }
    if (out.learned) from.known = *out.learned;
    if (dies) return boot(from);  // before anything left
    for (auto& l : out.send) mail.push_back({from.name, std::move(l)});
    if (out.begin || out.learned) present(from);
  }
  void present(place& from) {
    for (auto& p : places)
      if (&p != &from) mail.push_back({from.name, {p.name, from.core->self()}});
  }
  place& at(const std::string& name) { return places[static_cast<std::size_t>(name[0] - 'a')]; }

  // A message, a tick, a meeting, or a death, as the seed says; in calm nothing is lost and nobody dies.
  void step(bool calm) {
    const auto what = chance() % 100;
    output out;
    now += 20ms;
    if (what < 70 && !mail.empty()) {
      const auto which = calm ? 0 : chance() % mail.size();
      auto m = mail[which];
      if (calm || chance() % 10 != 0)
        mail.erase(mail.begin() + static_cast<std::ptrdiff_t>(which));  // or again, later
      if (!calm && chance() % 5 == 0) return;
      auto& p = at(m.second.to);
      p.core->step(met{m.first, m.second.what}, now, out);
      say(p, out, !calm && chance() % 50 == 0);
    } else if (what < 90) {
      auto& p = places[chance() % places.size()];
      p.core->step(tick{}, now, out);
      say(p, out, false);
    } else {
      present(places[chance() % places.size()]);
    }
    if (mail.size() > 300) mail.erase(mail.begin(), mail.begin() + 100);
  }
  std::string wrong() const {
    const charter* first = nullptr;
    for (const auto& p : places) {
      if (!p.begun) continue;
      if (first && *first != *p.begun)
        return "two logs: " + to_string(*first) + " and " + to_string(*p.begun);
      first = &*p.begun;
    }
    for (const auto& p : places)
      if (first && p.disk && !p.disk->cluster.empty() && p.known == first->cluster &&
          *p.disk != *first)
        return p.name + " has promised itself to another";
    return {};
  }
  bool settled() const {
    const auto has = std::find_if(places.begin(), places.end(),
                                  [](const auto& p) { return p.begun.has_value(); });
    if (has == places.end()) return false;
    return std::all_of(places.begin(), places.end(), [&](const auto& p) {
      const bool voter = std::any_of(has->begun->voters.begin(), has->begun->voters.end(),
                                     [&](const auto& v) { return v.name == p.name; });
      return p.known == has->begun->cluster && (!voter || p.begun);
    });
  }

  generator chance;
  std::uint32_t expects_;
  troupe::raft::instant now{};
  std::vector<place> places;
  std::vector<std::pair<std::string, letter>> mail;
};
}  // namespace

TEST_CASE("founding: one log, whoever sees whom first") {
  for (std::uint64_t seed = 1; seed <= 15 * troupe::test::seeds().size(); ++seed) {
    CAPTURE(seed);
    town t{seed, 3 + seed % 4, 3};
    for (int i = 0; i < 400; ++i) {
      t.step(false);
      REQUIRE_MESSAGE(t.wrong().empty(), t.wrong());
    }
    for (int i = 0; i < 3'000 && !t.settled(); ++i) {
      t.step(true);
      REQUIRE_MESSAGE(t.wrong().empty(), t.wrong());
    }
    CHECK(t.settled());
  }
}
