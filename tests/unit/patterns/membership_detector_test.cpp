#include "patterns/membership/detector.hpp"
#include "patterns/membership/lifeguard.hpp"

#include <cmath>
#include <limits>
#include <random>

#include <doctest/doctest.h>
using namespace troupe::membership;
using namespace std::chrono_literals;

TEST_CASE("detector: phi is -log10 of the normal tail (Hayashibara et al. 2004, section 4.3)") {
  struct row {
    double silence, mean, deviation, expected;
  };
  // the tails of the normal distribution as printed in any table of it
  const row rows[] = {
      {1000, 1000, 100, -std::log10(0.5)},
      {1100, 1000, 100, -std::log10(0.158655254)},
      {1200, 1000, 100, -std::log10(0.022750132)},
      {1300, 1000, 100, -std::log10(0.001349898)},
      {1600, 1000, 100, -std::log10(9.865876e-10)},
      {900, 1000, 100, -std::log10(0.841344746)},
      {0, 1000, 100, 0},
  };
  for (const auto& r : rows) {
    CAPTURE(r.silence);
    CHECK(phi(r.silence, r.mean, r.deviation) == doctest::Approx(r.expected).epsilon(1e-6));
  }
}

TEST_CASE("detector: phi is finite, monotone in the silence, and never NaN") {
  const double odd[] = {0,
                        -1,
                        1e-300,
                        1,
                        1e300,
                        std::numeric_limits<double>::infinity(),
                        -std::numeric_limits<double>::infinity(),
                        std::numeric_limits<double>::quiet_NaN()};
  for (double s : odd) {
    for (double m : odd) {
      for (double d : odd) {
        const double level = phi(s, m, d);
        CHECK(std::isfinite(level));
        CHECK((level >= 0 && level <= phi_max));
      }
    }
  }
  double last = 0;
  for (double silence = 0; silence < 20000; silence += 7) {
    const double level = phi(silence, 1000, 100);
    CHECK(level >= last);
    last = level;
  }
  CHECK(last > 200);
}

TEST_CASE("detector: phi accrual learns the rhythm and judges by it") {
  phi_accrual steady{{.pause_acceptable = 0s}};
  CHECK(steady.suspicion(5s) == 0);  // nothing heard yet
  CHECK(steady.available(5s));
  instant now{};
  for (int i = 0; i < 400; ++i) steady.heartbeat(now += 500ms);
  CHECK(steady.intervals() == 200);  // the window is bounded
  CHECK(steady.mean() == doctest::Approx(0.5));
  CHECK(steady.deviation() == doctest::Approx(0.1));  // the least
  CHECK(steady.suspicion(now + 500ms) < 1);
  CHECK(steady.available(now + 900ms));
  CHECK(!steady.available(now + 1200ms));
  phi_accrual patient{{.pause_acceptable = 3s}};
  patient.heartbeat(1s);
  CHECK(patient.available(1s + 4s));
  CHECK(!patient.available(1s + 7s));
}

TEST_CASE(
    "detector: it says when its silence will be too long, never too late and hardly too soon") {
  std::mt19937_64 chance{1};
  for (const double threshold : {1.0, 3.0, 8.0, 200.0}) {
    phi_accrual d{{.threshold = threshold}};
    CHECK(d.unavailable_at() == instant::max());
    instant now{};
    for (int i = 0; i < 300; ++i) {
      d.heartbeat(now += 1ms * static_cast<int>(chance() % 2000));
      CHECK(d.available(d.unavailable_at() - 1ms));
      CHECK(!d.available(d.unavailable_at() + 1us));
    }
  }
  deadline d{3s};
  CHECK(d.unavailable_at() == instant::max());
  d.heartbeat(2s);
  CHECK(d.unavailable_at() == 5s);
  CHECK(!d.available(5s));
}

TEST_CASE("detector: the first interval is guessed, an outage does not enter the history") {
  phi_accrual d{{.pause_acceptable = 0s, .first_interval = 1s}};
  d.heartbeat(10s);
  CHECK(d.mean() == doctest::Approx(1));
  CHECK(d.deviation() == doctest::Approx(0.25));
  instant now{10s};
  for (int i = 0; i < 50; ++i) d.heartbeat(now += 1s);
  const double before = d.mean();
  const auto intervals = d.intervals();
  now += 60s;  // down, and back
  CHECK(!d.available(now));
  d.heartbeat(now);
  CHECK(d.mean() == before);
  CHECK(d.intervals() == intervals);
  d.heartbeat(now += 1s);
  CHECK(d.intervals() == intervals + 1);
  d.heartbeat(now);        // twice at one moment
  d.heartbeat(now - 30s);  // and from the past
  CHECK(d.intervals() == intervals + 1);
}

TEST_CASE("detector: whatever arrives, the level only grows while nothing does") {
  std::mt19937_64 chance{4};
  phi_accrual d;
  instant now{};
  for (int i = 0; i < 2000; ++i) {
    now += std::chrono::milliseconds{chance() % 3000};
    d.heartbeat(now);
    double last = 0;
    for (auto silence = 0ms; silence < 20s; silence += 777ms) {
      const double level = d.suspicion(now + silence);
      CHECK(level >= last);
      last = level;
    }
  }
}

TEST_CASE("detector: a deadline is a deadline") {
  const std::unique_ptr<detector> d = std::make_unique<deadline>(3s);
  CHECK(d->available(100s));
  d->heartbeat(100s);
  CHECK(d->suspicion(101s + 500ms) == doctest::Approx(0.5));
  CHECK(d->available(102s));
  CHECK(!d->available(103s));
  d->heartbeat(104s);
  CHECK(d->available(105s));
}

TEST_CASE("lifeguard: suspicion shrinks with the logarithm of its confirmations (section IV.B)") {
  const duration shortest = 1500ms, longest = 6s;
  CHECK(suspicion_timeout(shortest, longest, 0, 3) == longest);
  CHECK(suspicion_timeout(shortest, longest, 1, 3) == 3750ms);  // log 2 / log 4 of the way
  CHECK(suspicion_timeout(shortest, longest, 3, 3) == shortest);
  CHECK(suspicion_timeout(shortest, longest, 9, 3) == shortest);
  CHECK(suspicion_timeout(shortest, longest, 0, 0) == shortest);  // nobody could confirm
  CHECK(suspicion_timeout(shortest, 1s, 0, 3) == shortest);
  duration last = longest;
  for (unsigned c = 1; c <= 5; ++c) {
    const auto timeout = suspicion_timeout(shortest, longest, c, 5);
    CHECK(timeout < last);
    last = timeout;
  }
}

TEST_CASE("lifeguard: local health stays within its bounds and scales times") {
  local_health h{3};
  CHECK(h.scaled(500ms) == 500ms);
  h.better();
  CHECK(h.score() == 0);
  h.worse(2);
  CHECK(h.scaled(500ms) == 1500ms);
  h.worse(1'000'000'000);
  h.worse(4'000'000'000);
  CHECK(h.score() == 3);
  h.better();
  CHECK(h.score() == 2);
}
