#include "runtime/remoting/outbox.hpp"

#include <string>
#include <thread>

#include <doctest/doctest.h>

using namespace troupe;
using remoting::outbox;
using verdict = remoting::outbox::verdict;

namespace {
link::buffer bytes(std::size_t size, char fill = 'x') { return link::buffer(size, fill); }
verdict add(outbox& box, link::lane on, std::size_t size, unsigned marks = 1) {
  auto record = bytes(size);
  return box.append(on, record, marks);
}
constexpr std::array<bool, link::lane_count> none{};
}  // namespace

TEST_CASE("outbox: records gather in batches, large ones are batches of their own, in order") {
  outbox box{100};
  CHECK(add(box, link::lane::normal, 40) == verdict::wake);
  CHECK(add(box, link::lane::normal, 40) == verdict::queued);
  CHECK(add(box, link::lane::normal, 40) == verdict::queued);
  CHECK(add(box, link::lane::normal, 60) == verdict::queued);
  CHECK(add(box, link::lane::normal, 10) == verdict::queued);
  CHECK(box.queued(link::lane::normal) == 190);
  link::buffer batch;
  std::vector<std::size_t> sizes;
  while (box.take(link::lane::normal, batch)) sizes.push_back(batch.size());
  CHECK(sizes == std::vector<std::size_t>{80, 40, 70});
  CHECK(box.queued(link::lane::normal) == 0);
}

TEST_CASE("outbox: the taker is woken by what it does not attend to") {
  outbox box{100};
  link::buffer batch;
  CHECK(add(box, link::lane::normal, 10) == verdict::wake);
  CHECK_FALSE(box.sleep(none));  // there is something
  CHECK(box.take(link::lane::normal, batch));
  CHECK(box.sleep(none));
  CHECK(add(box, link::lane::normal, 10) == verdict::wake);
  // the lane waits for credit: its records wake nobody, those of another lane do
  std::array<bool, link::lane_count> waits{};
  waits[static_cast<std::size_t>(link::lane::normal)] = true;
  CHECK(box.sleep(waits));
  CHECK(add(box, link::lane::normal, 10) == verdict::queued);
  CHECK(add(box, link::lane::urgent, 10) == verdict::wake);
  CHECK_FALSE(box.sleep(waits));
}

TEST_CASE("outbox: the high mark refuses, what must pass passes, and the session's queue counts") {
  outbox box{100};
  box.high_mark(50);
  CHECK(add(box, link::lane::normal, 60) == verdict::wake);
  CHECK(add(box, link::lane::normal, 1) == verdict::overloaded);
  CHECK(add(box, link::lane::normal, 39, 2) == verdict::queued);
  CHECK(add(box, link::lane::normal, 5, 2) == verdict::queued);
  CHECK(add(box, link::lane::normal, 5, 2) == verdict::overloaded);
  CHECK(add(box, link::lane::normal, 5, 0) == verdict::queued);
  CHECK(add(box, link::lane::urgent, 5) != verdict::overloaded);
  box.also_queued(link::lane::urgent, 50);
  CHECK(add(box, link::lane::urgent, 5) == verdict::overloaded);
}

TEST_CASE("outbox: closing hands out what never left, and nothing gets in any more") {
  outbox box{100};
  CHECK(add(box, link::lane::control, 10) == verdict::wake);
  const auto left = box.close();
  REQUIRE(left.size() == 1);
  CHECK(left.front().size() == 10);
  CHECK(box.close().empty());
  CHECK(add(box, link::lane::control, 10, 0) == verdict::closed);
  link::buffer batch;
  CHECK_FALSE(box.take(link::lane::control, batch));
}

TEST_CASE("outbox: no record is left behind by a taker that sleeps when it may") {
  outbox box{256};
  constexpr int records = 20'000, senders = 3;
  std::atomic<int> wakes{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < senders; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < records; ++i) {
        if (add(box, i % 2 == 0 ? link::lane::normal : link::lane::urgent, 8, 0) == verdict::wake)
          ++wakes;
      }
    });
  }
  std::size_t taken = 0;
  int woken = 0;
  link::buffer batch;
  while (taken < std::size_t{records} * senders * 8) {
    while (wakes.load() == woken)
      std::this_thread::yield();  // asleep: only a wake may bring it back
    woken = wakes.load();
    do {
      for (const auto on : {link::lane::urgent, link::lane::normal}) {
        while (box.take(on, batch)) taken += batch.size();
      }
    } while (!box.sleep(none));
    if (taken == std::size_t{records} * senders * 8) break;
  }
  for (auto& t : threads) t.join();
  CHECK(taken == std::size_t{records} * senders * 8);
}
