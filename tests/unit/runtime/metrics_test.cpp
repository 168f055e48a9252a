#include "runtime/metrics.hpp"

#include "runtime/log.hpp"

#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe;
bool exposes(const std::string& line) {
  return metrics::expose().find(line + "\n") != std::string::npos;
}
}  // namespace

TEST_CASE("metrics: the same name and labels are the same handle") {
  auto& a = metrics::counter("troupe_test_total", "Tests.", {{"lane", "bulk"}, {"side", "in"}});
  auto& b = metrics::counter("troupe_test_total", "Tests.", {{"side", "in"}, {"lane", "bulk"}});
  auto& c = metrics::counter("troupe_test_total", "Tests.", {{"lane", "control"}, {"side", "in"}});
  CHECK(&a == &b);
  CHECK(&a != &c);
  a.add();
  b.add(2);
  CHECK(a.value() == 3);
  CHECK(c.value() == 0);
  CHECK(exposes("# TYPE troupe_test_total counter"));
  CHECK(exposes("troupe_test_total{lane=\"bulk\",side=\"in\"} 3"));
}

TEST_CASE("metrics: gauges and histograms") {
  auto& gauge = metrics::gauge("troupe_test_members", "Members.");
  gauge.set(5);
  gauge.add(-2);
  CHECK(gauge.value() == 3);
  CHECK(exposes("troupe_test_members 3"));
  auto& took = metrics::histogram("troupe_test_seconds", "Times.", {0.1, 1});
  took.observe(0.05);
  took.observe(0.5);
  took.observe(50);
  CHECK(exposes("troupe_test_seconds_bucket{le=\"0.1\"} 1"));
  CHECK(exposes("troupe_test_seconds_bucket{le=\"1\"} 2"));
  CHECK(exposes("troupe_test_seconds_bucket{le=\"+Inf\"} 3"));
}

TEST_CASE("metrics: a name that cannot be is no reason to die") {
  (void)log::start({.levels = "off"});
  auto& bad = metrics::counter("no spaces please", "Bad.");
  bad.add();
  CHECK(bad.value() == 0);
  metrics::counter("troupe_test_kind", "A counter.").add();
  auto& other = metrics::gauge("troupe_test_kind", "And a gauge?");
  other.set(1);
  CHECK(other.value() == 0);
  (void)log::start({});
}

TEST_CASE("metrics: threads count together") {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      auto& c = metrics::counter("troupe_test_threads_total", "Threads.");
      for (int i = 0; i < 1000; ++i) c.add();
    });
  for (auto& t : threads) t.join();
  CHECK(metrics::counter("troupe_test_threads_total", "Threads.").value() == 4000);
}
