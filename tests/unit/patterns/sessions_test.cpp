#include "patterns/consensus/sessions.hpp"

#include "patterns/encoding.hpp"
#include "patterns/simulation/random.hpp"
#include "seeds.hpp"

#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace troupe::sessions;

// Remembers what was applied, and answers with how many that were.
class tape final : public state_machine {
 public:
  std::string apply(const applied&, std::string_view command) override {
    all_.emplace_back(command);
    return std::to_string(all_.size());
  }
  std::string query(std::string_view) const override { return std::to_string(all_.size()); }
  std::string snapshot() const override { return encode(all_); }
  result<void, std::string> restore(std::string_view bytes) override {
    auto all = decode<std::vector<std::string>>(bytes);
    if (!all) return unexpected{std::string{"torn tape"}};
    all_ = *all;
    return {};
  }

 private:
  std::vector<std::string> all_;
};

struct fixture {
  explicit fixture(settings s = {}) : bounds{s}, machine{make()} {}
  std::unique_ptr<table> make() const {
    return std::make_unique<table>(std::make_unique<tape>(), bounds);
  }
  reply step(const entry& e) { return *decode<reply>(machine->apply({++index, 1}, encode(e))); }
  std::uint64_t open() { return step({.what = kind::open}).client; }
  reply ask(std::uint64_t client, std::uint64_t sequence, std::uint64_t acknowledged = 0) {
    return step({kind::request, client, sequence, acknowledged, "c" + std::to_string(sequence)});
  }
  std::string count() const { return machine->query(""); }
  void restart() {
    const auto bytes = machine->snapshot();
    machine = make();
    REQUIRE(machine->restore(bytes));
    CHECK(machine->snapshot() == bytes);
  }
  settings bounds;
  std::unique_ptr<table> machine;
  std::uint64_t index = 0;
};

TEST_CASE("sessions: a client's id is the index of its opening entry (§6.3)") {
  fixture f;
  CHECK(f.step({.what = kind::open}) == reply{outcome::opened, 1, ""});
  CHECK(f.step({.what = kind::open}) == reply{outcome::opened, 2, ""});
}

TEST_CASE("sessions: a repeated request is answered as the first time, and not applied (§6.3)") {
  fixture f;
  const auto c = f.open();
  CHECK(f.ask(c, 1) == reply{outcome::done, c, "1"});
  CHECK(f.ask(c, 2) == reply{outcome::done, c, "2"});
  CHECK(f.ask(c, 1) == reply{outcome::done, c, "1"});
  CHECK(f.count() == "2");
  const auto other = f.open();
  CHECK(f.ask(other, 1).bytes == "3");
}

TEST_CASE("sessions: nor after a restart from a snapshot: the table is part of it (§6.3)") {
  fixture f;
  const auto c = f.open();
  f.ask(c, 1);
  f.restart();
  CHECK(f.ask(c, 1) == reply{outcome::done, c, "1"});
  CHECK(f.count() == "1");
}

TEST_CASE("sessions: several requests may be under way, in any order") {
  fixture f;
  const auto c = f.open();
  CHECK(f.ask(c, 3).bytes == "1");
  CHECK(f.ask(c, 1).bytes == "2");
  CHECK(f.ask(c, 3).bytes == "1");
  CHECK(f.ask(c, 2).bytes == "3");
}

TEST_CASE("sessions: what was acknowledged is forgotten, and never done again") {
  fixture f;
  const auto c = f.open();
  f.ask(c, 1);
  f.ask(c, 2, 2);
  CHECK(f.ask(c, 1).what == outcome::acknowledged);
  CHECK(f.ask(c, 2).bytes == "2");
  CHECK(f.ask(c, 0).what == outcome::acknowledged);
  // a request given up before it came is not done when it comes late
  f.ask(c, 5, 5);
  CHECK(f.ask(c, 4).what == outcome::acknowledged);
  CHECK(f.count() == "3");
}

TEST_CASE("sessions: a client that acknowledges nothing is stopped at the window") {
  fixture f{{.window = 3}};
  const auto c = f.open();
  for (std::uint64_t s = 1; s <= 3; ++s) CHECK(f.ask(c, s).what == outcome::done);
  CHECK(f.ask(c, 4).what == outcome::window_full);
  CHECK(f.count() == "3");
  CHECK(f.ask(c, 4, 2).what == outcome::done);  // refused is not done: it may be sent again
  CHECK(f.ask(c, 1'000'000, 2).what == outcome::window_full);
}

TEST_CASE("sessions: the one used longest ago expires, and is told so, on every replica alike") {
  fixture f{{.sessions_max = 2}};
  const auto a = f.open(), b = f.open();
  f.ask(a, 1);
  f.restart();  // the order of use is in the snapshot
  const auto c = f.open();
  CHECK(f.ask(b, 1) == reply{outcome::session_expired, b, ""});
  CHECK(f.ask(a, 1).bytes == "1");
  CHECK(f.ask(c, 1).bytes == "2");
  CHECK(f.machine->expired() == 1);
  CHECK(f.ask(77, 1).what == outcome::session_expired);
}

TEST_CASE("sessions: a repeat keeps its session in use") {
  fixture f{{.sessions_max = 2}};
  const auto a = f.open();
  f.ask(a, 1);
  f.open();
  f.ask(a, 1);
  f.open();
  CHECK(f.ask(a, 2).what == outcome::done);
}

TEST_CASE("sessions: replies held are bounded, the present client's last") {
  fixture f{{.reply_bytes_max = 3}};
  const auto a = f.open(), b = f.open();
  f.ask(a, 1);
  f.ask(b, 1);
  CHECK(f.ask(b, 2).what == outcome::done);
  CHECK(f.machine->open() == 2);
  CHECK(f.ask(b, 3).what == outcome::done);
  CHECK(f.ask(a, 1).what == outcome::session_expired);
  CHECK(f.ask(b, 4).what == outcome::done);
  CHECK(f.ask(b, 1).bytes == "2");
}

TEST_CASE("sessions: closing forgets, twice as well") {
  fixture f;
  const auto c = f.open();
  f.ask(c, 1);
  CHECK(f.step({.what = kind::close, .client = c}).what == outcome::closed);
  CHECK(f.step({.what = kind::close, .client = c}).what == outcome::closed);
  CHECK(f.ask(c, 1).what == outcome::session_expired);
}

TEST_CASE("sessions: without one, each copy is applied") {
  fixture f;
  CHECK(f.step({.command = "x"}) == reply{outcome::done, 0, "1"});
  CHECK(f.step({.command = "x"}) == reply{outcome::done, 0, "2"});
}

TEST_CASE("sessions: bytes that are no entry are answered, and change nothing") {
  fixture f;
  const auto before = f.machine->snapshot();
  for (const std::string bytes : {"", "\xff", "garbage", "\x02\x09\x01"}) {
    CHECK(decode<reply>(f.machine->apply({1, 1}, bytes))->what == outcome::malformed);
  }
  CHECK(f.machine->snapshot() == before);
}

TEST_CASE("sessions: a snapshot that cannot be read changes nothing") {
  fixture f;
  const auto c = f.open();
  f.ask(c, 1);
  const auto good = f.machine->snapshot();
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK_FALSE(f.machine->restore(std::string_view{good}.substr(0, n)));
  CHECK(f.machine->snapshot() == good);
}

TEST_CASE("sessions: the client acknowledges what it has the answers of") {
  requests mine{5};
  CHECK(mine.next("a") == entry{kind::request, 5, 1, 1, "a"});
  CHECK(mine.next("b") == entry{kind::request, 5, 2, 1, "b"});
  mine.finished(2);
  CHECK(mine.next("c").acknowledged_below == 1);
  mine.finished(1);
  CHECK(mine.next("d") == entry{kind::request, 5, 4, 3, "d"});
  CHECK(mine.under_way() == 2);
}

TEST_CASE("sessions: the client has room for what the group takes") {
  requests mine{5};
  CHECK(mine.room(1));
  CHECK(mine.next("a").sequence == 1);
  CHECK(mine.next("b").sequence == 2);
  CHECK(mine.room(3));
  CHECK_FALSE(mine.room(2));
  mine.finished(2);  // the window begins with the first
  CHECK_FALSE(mine.room(2));
  mine.finished(1);
  CHECK(mine.room(1));
}

// Clients that repeat at will, copies that come late, replicas restored at any time.
TEST_CASE(
    "sessions: under repeats, delays and restores every request is done once, in sessions that "
    "live") {
  for (auto seed : test::seeds()) {
    CAPTURE(seed);
    simulation::generator chance{seed};
    fixture f{{.sessions_max = 6, .window = 8}};
    struct client {
      requests mine{};
      std::map<std::uint64_t, std::string> answers{};
      bool expired = false;
    };
    std::vector<client> clients;
    std::vector<entry> network;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> first;
    for (int i = 0; i < 3000; ++i) {
      while (clients.size() < 4 || chance.below(200) == 0) clients.push_back({requests{f.open()}});
      auto& c = clients[clients.size() - 1 - chance.below(4)];
      if (!c.expired && c.mine.under_way() < 8 && chance.below(3) == 0)
        network.push_back(c.mine.next("x"));
      if (network.empty()) continue;
      const auto at = chance.below(network.size());
      const auto e = network[at];
      if (chance.below(3) == 0) {
        network[at] = network.back();
        network.pop_back();
      }
      const auto r = f.step(e);
      for (auto& who : clients) {
        if (who.mine.client() != e.client) continue;
        if (r.what == outcome::session_expired) who.expired = true;
        if (r.what != outcome::done) continue;
        const auto [known, fresh] = first.emplace(std::pair{e.client, e.sequence}, r.bytes);
        REQUIRE(known->second == r.bytes);  // the one answer
        if (fresh) REQUIRE(r.bytes == std::to_string(first.size()));
        if (chance.below(2) == 0) who.mine.finished(e.sequence);
      }
      REQUIRE(f.count() == std::to_string(first.size()));
      if (chance.below(100) == 0) f.restart();
    }
  }
}
}  // namespace
