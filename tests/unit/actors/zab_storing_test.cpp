// Zab's records in a journal: what is read back is what they add up to, wherever they stand in it.
#include "actors/consensus/zab_storing.hpp"

#include "patterns/simulation/random.hpp"
#include "runtime/journal/memory.hpp"

#include <algorithm>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::consensus;

zab::snapshot base_at(zab::zxid at) {
  return {at, std::make_shared<const std::string>(to_string(at))};
}

// A server's history as records make it, without a journal.
struct kept {
  zab::restored all{};
  std::uint64_t life = 0;
  std::uint32_t epoch = 1;
  zab::zxid last() const { return all.log.empty() ? all.base.at : all.log.back().at; }

  zab::record any(simulation::generator& chance) {
    zab::record r;
    const auto kind = chance.below(10);
    if (kind == 0) {  // another's snapshot, of a later epoch
      epoch += 1 + static_cast<std::uint32_t>(chance.below(3));
      all.base = base_at({epoch, 7});
      all.log.clear();
      r.base = all.base;
      r.restart = true;
    } else if (kind == 1 && !all.log.empty()) {
      const auto upto = all.log[chance.below(all.log.size())].at;
      std::erase_if(all.log, [&](const zab::transaction& t) { return t.at <= upto; });
      all.base = base_at(upto);
      r.base = all.base;
    } else if (kind == 2 && !all.log.empty()) {
      const auto n = chance.below(all.log.size());
      r.cut = n == 0 ? all.base.at : all.log[n - 1].at;
      all.log.resize(n);
    } else if (kind == 3) {
      all.state = {++epoch, chance.below(9), epoch - 1};
      r.state = all.state;
    } else {
      for (auto n = chance.below(4); n > 0; --n) {
        const auto at =
            last().epoch == epoch ? zab::zxid{epoch, last().counter + 1} : zab::zxid{epoch, 1};
        r.appended.push_back({at, std::string(chance.below(5), 'x')});
        all.log.push_back(r.appended.back());
      }
    }
    return r;
  }
};
}  // namespace

TEST_CASE("zab storing: what a journal holds is what the records add up to") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    simulation::generator chance{seed};
    auto disk = std::make_shared<journal::memory_disk>();
    kept expected;
    for (int starts = 0; starts < 8; ++starts) {
      auto store = *journal::open_memory_store(disk, {.node = "a"});
      auto log = store->open("g");
      auto found = log->load();
      REQUIRE(found);
      auto from = zab_restored_from(std::move(*found));
      REQUIRE(from);
      CHECK(from->ledger.life() == expected.life);
      CHECK(from->core.state == expected.all.state);
      CHECK(from->core.base.at == expected.all.base.at);
      CHECK(*from->core.base.bytes == *expected.all.base.bytes);
      CHECK(from->core.log == expected.all.log);
      const auto write = [&](journal::batch b) {
        log->submit(std::move(b),
                    [](const auto& done) { REQUIRE_MESSAGE(done, done.error().sentence); });
      };
      auto& ledger = from->ledger;
      write(ledger.begin());
      ++expected.life;
      for (auto n = chance.below(20); n > 0; --n) write(ledger.batch_of(expected.any(chance)));
    }
  }
}

TEST_CASE("zab storing: what is none of Zab's is refused, with its place") {
  const auto why = [](journal::content c) {
    const auto r = zab_restored_from(std::move(c));
    return r ? std::string{} : r.error();
  };
  CHECK(why({.state = "\xff"}).find("state") != std::string::npos);
  CHECK(why({.base = journal::snapshot{4, 1, "\xff"}}).find("snapshot at 4") != std::string::npos);
  const std::string one("\1\0\0\0x", 5), two("\2\0\0\0x", 5);
  CHECK(why({.records = {{1, 1, one}, {2, 1, two}}}).empty());
  CHECK(why({.records = {{1, 1, "abc"}}}).find("record 1") != std::string::npos);
  CHECK(why({.records = {{1, 1, two}, {2, 1, one}}}).find("record 2") != std::string::npos);
  CHECK(why({.records = {{1, 1, one}, {3, 1, two}}}).find("record 3") != std::string::npos);
}
