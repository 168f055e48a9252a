// Failpoints: names, actions, and that nothing happens while all are off.
#include "runtime/failpoint.hpp"

#include <chrono>
#include <set>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
constexpr auto here = failpoint::data_members_write;  // no unit test comes there by itself

// Each test begins and ends with all of them off.
struct off {
  off() { failpoints::all_off(); }
  ~off() { failpoints::all_off(); }
};
void on(const std::string& text) {
  const auto done = failpoints::switch_on(text);
  REQUIRE_MESSAGE(done.has_value(), done.error());
}
std::string refused(const std::string& text) {
  const auto done = failpoints::switch_on(text);
  REQUIRE(!done.has_value());
  return done.error();
}
}  // namespace

TEST_CASE("failpoints: the list has each place once, under its own number and name") {
  std::set<std::string_view> names;
  std::size_t at = 0;
  for (const auto& p : failpoints::all()) {
    CHECK(static_cast<std::size_t>(p.where) == at++);
    CHECK(names.insert(p.name).second);
    CHECK(!p.meaning.empty());
  }
  CHECK(at == static_cast<std::size_t>(failpoint::journal_synced) + 1);
}

TEST_CASE("failpoints: an error is one each time, the n-th time alone, or now and then") {
  const off clean;
  CHECK(!reached(here));
  on("data.members.write=error");
  CHECK(reached(here));
  CHECK(reached(here));
  CHECK(!reached(failpoint::data_members_rename));
  on("data.members.write=error@2");
  CHECK(!reached(here));
  CHECK(reached(here));
  CHECK(!reached(here));
  on("data.members.write=error%25");
  int count = 0;
  for (int i = 0; i < 1000; ++i) count += reached(here) ? 1 : 0;
  CHECK((count > 150 && count < 350));
  on("data.members.write=error%0");
  CHECK(!reached(here));
  on("data.members.write=off");
  CHECK(!reached(here));
}

TEST_CASE("failpoints: a pause waits, and is no error") {
  const off clean;
  on("data.members.write=pause:30ms@1");
  const auto began = std::chrono::steady_clock::now();
  CHECK(!reached(here));
  CHECK(std::chrono::steady_clock::now() - began >= std::chrono::milliseconds{30});
}

TEST_CASE("failpoints: what is no name or no action is refused, and the nearest is named") {
  const off clean;
  CHECK(refused("mapreduce.comit.rename=crash") ==
        "the failpoint 'mapreduce.comit.rename' does not exist; did you mean "
        "'mapreduce.commit.rename'?; `troupe failpoints` lists them");
  CHECK(refused("data.taken=crsh") ==
        "the failpoint 'data.taken=crsh' has no action of ours; did you mean 'crash'?");
  CHECK(refused("data.taken") == "the failpoint 'data.taken' is not of the form NAME=ACTION");
  CHECK(refused("data.taken=crash@0") ==
        "the failpoint 'data.taken=crash@0' needs a number from 1 on behind @");
  CHECK(refused("data.taken=error%101") ==
        "the failpoint 'data.taken=error%101' needs a chance between 0 and 100 behind %");
  CHECK(refused("data.taken=pause") ==
        "the failpoint 'data.taken=pause' needs a time behind pause, such as pause:100ms");
  CHECK(refused("events.written=error") ==
        "the failpoint 'events.written' has nothing that could fail there: let it crash or pause");
  CHECK(!reached(failpoint::data_taken));
}
