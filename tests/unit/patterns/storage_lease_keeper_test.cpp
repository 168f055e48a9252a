#include "patterns/storage/lease_keeper.hpp"

#include <doctest/doctest.h>

namespace {
using namespace troupe::storage;
using namespace std::chrono_literals;
using ids = std::vector<lease_id>;
using refusal = keepalive_refusal;

struct fixture {
  fixture() {
    keeper.lease_granted({1, 1000ms}, 0ms);
    keeper.lease_granted({2, 3000ms}, 0ms);
  }
  lease_keeper keeper{400ms, 10};
};

TEST_CASE("lease keeper: a follower knows of leases and lets none run out") {
  fixture f;
  CHECK(f.keeper.size() == 2);
  CHECK(f.keeper.tick(1h) == ids{});
  CHECK_FALSE(f.keeper.due());
  CHECK(f.keeper.keepalive(1, 5ms).error() == refusal::not_leader);
  CHECK_FALSE(f.keeper.remaining(1, 5ms));
}

TEST_CASE("lease keeper: a new leader gives every lease its full time anew") {
  fixture f;
  f.keeper.became_leader(10s);
  CHECK(f.keeper.due() == 11s);
  CHECK(f.keeper.remaining(2, 10s) == 3000ms);
  CHECK(f.keeper.tick(10999ms) == ids{});
  CHECK(f.keeper.tick(11s) == ids{1});
}

TEST_CASE("lease keeper: a keepalive gives the full time from now, and never shortens") {
  fixture f;
  f.keeper.became_leader(0ms);
  CHECK(*f.keeper.keepalive(1, 900ms) == 1000ms);
  CHECK(f.keeper.remaining(1, 900ms) == 1000ms);
  CHECK(*f.keeper.keepalive(1, 700ms) == 1000ms);  // answered late, looked at early
  CHECK(f.keeper.remaining(1, 900ms) == 1000ms);
  CHECK(f.keeper.tick(1899ms) == ids{});
  CHECK(f.keeper.tick(1900ms) == ids{1});
}

TEST_CASE("lease keeper: none is kept alive after it was put up for revocation") {
  fixture f;
  f.keeper.became_leader(0ms);
  CHECK(f.keeper.tick(1000ms) == ids{1});
  CHECK(f.keeper.keepalive(1, 1000ms).error() == refusal::expired);
  CHECK(f.keeper.remaining(1, 1000ms) == 0ms);
  CHECK(f.keeper.tick(1399ms) == ids{});
  CHECK(f.keeper.tick(1400ms) == ids{1});  // the proposal may have been lost
  CHECK(f.keeper.keepalive(1, 1500ms).error() == refusal::expired);
  f.keeper.lease_revoked(1);
  CHECK(f.keeper.tick(5s) == ids{2});
  CHECK(f.keeper.keepalive(1, 5s).error() == refusal::unknown);
}

TEST_CASE("lease keeper: one overdue but not yet put up may still be kept alive") {
  fixture f;
  f.keeper.became_leader(0ms);
  CHECK(f.keeper.keepalive(1, 1200ms));
  CHECK(f.keeper.tick(1300ms) == ids{});
}

TEST_CASE(
    "lease keeper: who loses leadership stops the clocks; who gets it back starts them anew") {
  fixture f;
  f.keeper.became_leader(0ms);
  CHECK(f.keeper.tick(1000ms) == ids{1});
  f.keeper.lost_leadership();
  CHECK(f.keeper.tick(9s) == ids{});
  f.keeper.became_leader(10s);
  CHECK(f.keeper.keepalive(1, 10s));  // what it proposed in an older term is void
  CHECK(f.keeper.tick(10999ms) == ids{});
}

TEST_CASE(
    "lease keeper: granted while leading counts from then; revoked and unknown ids are nothing") {
  lease_keeper keeper;
  keeper.became_leader(0ms);
  keeper.lease_granted({7, 2s}, 500ms);
  keeper.lease_revoked(8);
  CHECK(keeper.due() == 2500ms);
  keeper.lease_granted({7, 1s}, 600ms);  // revoked and granted again under one id
  CHECK(keeper.due() == 1600ms);
  CHECK(keeper.size() == 1);
}

TEST_CASE("lease keeper: a restore replaces all") {
  fixture f;
  f.keeper.became_leader(0ms);
  f.keeper.restored({{5, 1s}}, 2s);
  CHECK(f.keeper.size() == 1);
  CHECK(f.keeper.tick(2999ms) == ids{});
  CHECK(f.keeper.tick(3s) == ids{5});
}

TEST_CASE("lease keeper: many that end at once are put up in batches, the oldest first") {
  lease_keeper keeper{1s, 3};
  keeper.became_leader(0ms);
  for (lease_id id = 1; id <= 5; ++id) keeper.lease_granted({id, duration{1000 - 10 * id}}, 0ms);
  CHECK(keeper.tick(1s) == ids{5, 4, 3});
  CHECK(keeper.tick(1s) == ids{2, 1});
  CHECK(keeper.tick(1s) == ids{});
}
}  // namespace
