#include "patterns/link/release.hpp"
#include "seeds.hpp"

#include <array>
#include <random>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe::link;
using verdict = exports::verdict;

TEST_CASE("link release: the owner answers by what it has sent") {
  exports out;
  CHECK(out.release(7, 1) == verdict::unknown);
  CHECK(out.sent(7));
  CHECK_FALSE(out.sent(7));
  CHECK_FALSE(out.sent(7));
  CHECK(out.release(7, 0) == verdict::forged);
  CHECK(out.release(7, 4) == verdict::forged);
  CHECK(out.release(7, 2) == verdict::kept);
  CHECK(out.release(7, 2) == verdict::forged);
  CHECK(out.release(7, 1) == verdict::dropped);
  CHECK(out.release(7, 1) == verdict::unknown);
  CHECK(out.sent(7));
  CHECK(out.sent(3));
  CHECK(out.erase(3));
  CHECK_FALSE(out.erase(3));
  CHECK(out.clear() == std::vector<std::uint64_t>{7});
  CHECK(out.size() == 0);
}

TEST_CASE("link release: the holder gives back what it has received") {
  imports in;
  CHECK(in.drop(7) == 0);
  CHECK(in.received(7));
  CHECK_FALSE(in.received(7));
  CHECK(in.drop(7) == 2);
  CHECK(in.drop(7) == 0);
  CHECK(in.received(7));
  in.clear();
  CHECK(in.size() == 0);
}

TEST_CASE("link release: no export goes while a handle is held or under way, and then it does") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    std::mt19937_64 chance{seed};
    exports owner;
    imports holder;
    std::vector<std::uint64_t> handles;  // under way to the holder, overtaking each other
    struct given_back {
      std::uint64_t actor, count;
    };
    std::vector<given_back> releases;  // under way to the owner, overtaking too
    std::array<bool, 3> exported{}, held{};
    const auto take = [&](auto& from) {
      const auto at = chance() % from.size();
      const auto taken = from[at];
      from.erase(from.begin() + static_cast<std::ptrdiff_t>(at));
      return taken;
    };
    const auto receive_release = [&] {
      const auto r = take(releases);
      const auto did = owner.release(r.actor, r.count);
      REQUIRE(did != verdict::forged);
      REQUIRE(did != verdict::unknown);
      if (did == verdict::dropped) {
        REQUIRE_FALSE(held[r.actor]);
        for (const auto h : handles) REQUIRE(h != r.actor);
        exported[r.actor] = false;
      }
    };
    for (int step = 0; step < 2000; ++step) {
      const auto actor = chance() % 3;
      switch (chance() % 4) {
        case 0:
          if (owner.sent(actor)) {
            REQUIRE_FALSE(exported[actor]);
            exported[actor] = true;
          }
          handles.push_back(actor);
          break;
        case 1:
          if (!handles.empty()) {
            const auto h = take(handles);
            REQUIRE(holder.received(h) != held[h]);
            held[h] = true;
            REQUIRE(exported[h]);
          }
          break;
        case 2:
          if (held[actor]) {
            releases.push_back({actor, holder.drop(actor)});
            held[actor] = false;
          }
          break;
        default:
          if (!releases.empty()) receive_release();
      }
    }
    while (!handles.empty()) {
      const auto h = take(handles);
      holder.received(h);
      held[h] = true;
    }
    for (std::uint64_t actor = 0; actor < 3; ++actor)
      if (const auto count = holder.drop(actor)) releases.push_back({actor, count});
    held = {};
    while (!releases.empty()) receive_release();
    REQUIRE(owner.size() == 0);
    REQUIRE(holder.size() == 0);
  }
}
}  // namespace
