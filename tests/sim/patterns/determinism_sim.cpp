// The same seed gives the same run, to the last byte of its event log: twice in one process, in two processes (whose
// addresses differ), and in every preset, since all of them compare with the table below.
#include "patterns/membership/simulated.hpp"

#include <array>
#include <cstdio>
#include <string>

#include <doctest/doctest.h>
#include <unistd.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;
using membership::downing;

struct outcome {
  simulation::verdict verdict{};
  std::string log{};
};

outcome run(std::uint64_t seed, downing how) {
  const auto members = static_cast<simulation::member>(3 + seed % 5);
  membership::options o;
  o.resolving.how = {.kind = how, .quorum = members / 2 + 1};
  membership::town w{seed, o, membership::town::usually(), true};
  w.cluster(members, 2);
  w.claim_views();
  const auto v = w.run(simulation::draw(seed, members, 30s, 20s, simulation::everything(30s)));
  return {v, w.log().text()};
}

std::string hexadecimal(std::uint64_t x) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(x));
  return text.data();
}

// One line: the digest of all that happened, that of the log's bytes, and the steps taken.
std::string summary(const outcome& o) {
  return hexadecimal(o.verdict.digest) + ' ' + hexadecimal(simulation::digest_of(o.log)) + ' ' +
         std::to_string(o.verdict.steps);
}

constexpr std::uint64_t shown_seed = 3;
constexpr const char* begin_mark = "-- the log begins\n";
constexpr const char* end_mark = "-- the log ends\n";
}  // namespace

TEST_CASE("determinism: the event log of a seed on standard output" * doctest::skip()) {
  const auto o = run(shown_seed, downing::keep_majority);
  std::printf("%s%s%s", begin_mark, o.log.c_str(), end_mark);
}

TEST_CASE("determinism: a seed run twice gives one digest and one event log") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    const auto first = run(seed, downing::keep_oldest), second = run(seed, downing::keep_oldest);
    CHECK(!first.log.empty());
    CHECK(first.log == second.log);
    CHECK(summary(first) == summary(second));
    CHECK(summary(run(seed + 1, downing::keep_oldest)) != summary(first));
  }
}

TEST_CASE("determinism: another process writes the same event log, byte for byte") {
  std::array<char, 4096> path{};
  REQUIRE(::readlink("/proc/self/exe", path.data(), path.size() - 1) > 0);
  const auto command = '\'' + std::string{path.data()} +
                       "' --no-skip --no-version --test-case='*of a seed on standard output'";
  auto* other = ::popen(command.c_str(), "r");
  REQUIRE(other != nullptr);
  std::string said;
  std::array<char, 65536> part{};
  for (std::size_t n = 0; (n = std::fread(part.data(), 1, part.size(), other)) > 0;) {
    said.append(part.data(), n);
  }
  CHECK(::pclose(other) == 0);
  const auto begin = said.find(begin_mark), end = said.find(end_mark);
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  const auto from = begin + std::string{begin_mark}.size();
  const auto mine = run(shown_seed, downing::keep_majority).log;
  CHECK(mine.size() > 10'000);
  CHECK(said.substr(from, end - from) == mine);
}

// A change of membership's or the simulator's behaviour changes these: put in what the test prints then, from any
// preset, and see that the others agree.
TEST_CASE("determinism: debug, release and the sanitizers agree on a table of runs") {
  struct row {
    std::uint64_t seed;
    downing how;
    std::string expected;
  };
  const row table[] = {
      {1, downing::none, "f1dfcbca909906a4 5d6dd24f84321d24 2390"},
      {2, downing::keep_majority, "bc0cb075f2ac2ea6 b2bbb27228a0ad2c 4612"},
      {3, downing::static_quorum, "50b443528189495c df6ab57bf111c2de 4985"},
      {4, downing::keep_oldest, "ac3371186e4fc3ed c1fc05ae8bb63e8b 6772"},
      {5, downing::down_all, "fb880386be87777f 0bfa32a4b6b3b6a1 1543"},
      {6, downing::keep_majority, "fbb600f6c180075c 384f323913855520 3627"},
      {7, downing::keep_oldest, "f4e473fdc5c788cc 7f7e6906e3fa1628 3940"},
      {8, downing::down_all, "292c276143fb5f9d 04b3edfe647a5600 5851"},
  };
  for (const auto& r : table) {
    CAPTURE(r.seed);
    CAPTURE(std::string{to_string(r.how)});
    CHECK(summary(run(r.seed, r.how)) == r.expected);
  }
}
