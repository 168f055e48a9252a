// Channels between actors and threads of one system: bytes in order, bounded memory, deaths, and handles that come anew.
#include "actors/link/channel.hpp"

#include "actors/link/channel_thread.hpp"
#include "channel_fixture.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "virtual_world.hpp"
#include "wait_until.hpp"

#include <atomic>
#include <mutex>
#include <thread>

#include <caf/all.hpp>
#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace std::chrono_literals;
using namespace channel_test;

struct threads {
  caf::actor_system_config config;
  caf::actor_system system{prepare(config)};
  static caf::actor_system_config& prepare(caf::actor_system_config& c) {
    channel::register_types(c);
    c.set("scheduler.policy", caf::atom("sharing"));
    c.set("scheduler.max-threads", 2);
    return c;
  }
};

using go_atom = caf::atom_constant<caf::atom("test_go")>;
void open_sink(const caf::actor& who, channel::id id, channel::settings s = {}) {
  auto& mine = state_of(who);
  act(who, [&mine, id, s] {
    mine.in = &mine.all->open_sink(id,
                                   {.data =
                                        [&mine](std::string bytes) {
                                          mine.got += bytes;
                                          if (mine.greedy) {
                                            mine.in->consumed(bytes.size());
                                          } else {
                                            mine.held += bytes.size();
                                          }
                                        },
                                    .over =
                                        [&mine](caf::error e) {
                                          ++mine.ended;
                                          mine.error = std::move(e);
                                        }},
                                   s);
  });
}
void open_source(const caf::actor& who, channel::id id, const caf::actor& sink,
                 channel::settings s = {}) {
  auto& mine = state_of(who);
  act(who, [&mine, id, sink, s] {
    mine.out = &mine.all->open_source(id, sink,
                                      {.space = {},
                                       .over =
                                           [&mine](caf::error e) {
                                             ++mine.ended;
                                             mine.error = std::move(e);
                                           },
                                       .progress = {}},
                                      s);
  });
}
void write_all(const caf::actor& who, std::size_t bytes) {
  auto& mine = state_of(who);
  act(who, [&mine, bytes] {
    for (const auto end = mine.written + bytes; mine.written < end && mine.out->accepts();
         mine.written += 1000) {
      mine.out->write(piece(mine.written, 1000));
    }
  });
}
}  // namespace

TEST_CASE("channel actors: bytes arrive in order, and the end is told to both") {
  test::virtual_world w{1, channel::register_types};
  auto a = join(w), b = join(w);
  open_sink(b, 7);
  open_source(a, 7, b);
  write_all(a, 500'000);
  w.run_for(1s);
  act(a, [&] { state_of(a).out->finish(); });
  w.run_for(1s);
  CHECK(state_of(b).got.size() == 500'000);
  CHECK(holds(0, state_of(b).got));
  CHECK(state_of(a).ended == 1);
  CHECK(state_of(b).ended == 1);
  CHECK(!state_of(a).error);
  CHECK(!state_of(b).error);
  CHECK(state_of(a).all->size() == 0);
  CHECK(state_of(b).all->size() == 0);
}

TEST_CASE("channel actors: a slow reader holds the writer back") {
  test::virtual_world w{2, channel::register_types};
  auto a = join(w), b = join(w);
  state_of(b).greedy = false;
  channel::settings s;
  s.window = 100'000;
  s.buffer = 200'000;
  open_sink(b, 7, s);
  open_source(a, 7, b, s);
  write_all(a, 10'000'000);
  w.run_for(60s);
  CHECK(state_of(b).held <= 100'000);
  CHECK(state_of(b).held >= 50'000);
  write_all(a, 10'000'000);
  w.run_for(1s);
  CHECK(state_of(a).written <= 302'000);
  CHECK(!state_of(a).out->accepts());
  CHECK(state_of(a).ended == 0);
  act(b, [&] { state_of(b).in->consumed(state_of(b).held); });
  w.run_for(1s);
  CHECK(state_of(a).out->accepts());
  CHECK(holds(0, state_of(b).got));
}

TEST_CASE("channel actors: a death is told to the other side, either way") {
  for (const bool sender_dies : {true, false}) {
    CAPTURE(sender_dies);
    test::virtual_world w{3, channel::register_types};
    auto a = join(w), b = join(w);
    open_sink(b, 7);
    open_source(a, 7, b);
    write_all(a, 500'000);
    w.settle();
    caf::anon_send_exit(sender_dies ? a : b, caf::exit_reason::kill);
    w.run_for(1s);
    auto& left = state_of(sender_dies ? b : a);
    CHECK(left.ended == 1);
    CHECK(code_of(left.error) == errc::failed);
    CHECK(left.all->size() == 0);
  }
}

TEST_CASE("channel actors: a channel nobody has, an abort, and forged messages") {
  test::virtual_world w{4, channel::register_types};
  auto a = join(w), b = join(w);
  open_source(a, 7, b);
  w.run_for(1s);
  CHECK(state_of(a).ended == 1);
  CHECK(sentence_of(state_of(a).error).find("no such channel") != std::string::npos);

  open_sink(b, 8);
  open_source(a, 8, b);
  w.run_for(1s);
  act(b, [&] { state_of(b).in->abort("disk full"); });
  w.run_for(1s);
  CHECK(state_of(a).ended == 2);
  CHECK(code_of(state_of(a).error) == errc::cancelled);
  CHECK(sentence_of(state_of(a).error).find("disk full") != std::string::npos);
  CHECK(state_of(b).ended == 1);

  open_sink(b, 9);
  auto forger = join(w);
  channel::chunk forged{.channel = 9,
                        .sender = 1,
                        .receiver = 0,
                        .round = 1,
                        .position = 0,
                        .checksum = 5,
                        .last = false,
                        .probe = false,
                        .data = "boo"};
  act(forger, [&] { caf::actor_cast<party*>(forger)->send(b, forged); });
  caf::anon_send(b, forged);  // from nobody
  w.run_for(1s);
  CHECK(state_of(b).ended == 2);
  CHECK(code_of(state_of(b).error) == errc::corrupted);
}

namespace {
// Stands for the other side's proxy: passes messages on as if its partner, our proxy over there,
// had sent them; until its session ends.
struct relay_state {
  caf::actor partner{};
};
caf::behavior relay(caf::stateful_actor<relay_state>* self, const caf::actor& to) {
  self->set_default_handler(
      [=](caf::scheduled_actor*, caf::message_view& x) -> caf::result<caf::message> {
        to->enqueue(caf::actor_cast<caf::strong_actor_ptr>(self->state.partner),
                    caf::make_message_id(), x.move_content_to_message(), self->context());
        return caf::message{};
      });
  return {
      [=](caf::connect_atom, caf::actor partner) { self->state.partner = std::move(partner); },
      [=](go_atom) {
        self->state.partner = nullptr;
        self->quit(caf::exit_reason::remote_link_unreachable);
      },
  };
}
}  // namespace

TEST_CASE(
    "channel actors: a session that ends is waited for, and the channel goes on with fresh "
    "handles") {
  for (const bool returns : {true, false}) {
    CAPTURE(returns);
    test::virtual_world w{5, channel::register_types};
    auto a = join(w), b = join(w);
    // a sees b as b_at_a, b sees a as a_at_b: two relays, each the sender of what it passes on
    const auto session = [&](caf::actor& b_at_a, caf::actor& a_at_b) {
      b_at_a = w.spawn(relay, b);
      a_at_b = w.spawn(relay, a);
      caf::anon_send(b_at_a, caf::connect_atom_v, a_at_b);
      caf::anon_send(a_at_b, caf::connect_atom_v, b_at_a);
      w.settle();
    };
    caf::actor b_at_a, a_at_b;
    session(b_at_a, a_at_b);
    open_sink(b, 7);
    act(b, [&] { state_of(b).in->attach(a_at_b); });
    open_source(a, 7, b_at_a);
    write_all(a, 300'000);
    w.settle();
    caf::anon_send(b_at_a, go_atom::value);
    caf::anon_send(a_at_b, go_atom::value);
    write_all(a, 300'000);
    w.run_for(5s);
    CHECK(state_of(a).ended + state_of(b).ended == 0);
    if (returns) {
      session(b_at_a, a_at_b);
      act(b, [&] { state_of(b).in->attach(a_at_b); });
      act(a, [&] { state_of(a).out->attach(b_at_a); });
      w.run_for(1s);
      act(a, [&] { state_of(a).out->finish(); });
      w.run_for(10s);
      CHECK(holds(0, state_of(b).got));
      CHECK(state_of(b).got.size() == state_of(a).written);
      CHECK(!state_of(a).error);
      CHECK(!state_of(b).error);
    } else {
      w.run_for(6s);
      CHECK(code_of(state_of(a).error) == errc::unreachable);
      CHECK(code_of(state_of(b).error) == errc::unreachable);
    }
    CHECK(state_of(a).ended == 1);
    CHECK(state_of(b).ended == 1);
  }
}

TEST_CASE("channel threads: 100 MB arrive in order, once, and then the end") {
  threads t;
  const std::uint64_t total = 100'000'000;
  channel::reader in{t.system, 1};
  channel::writer out{t.system, 1, in.handle()};
  std::thread sender{[&] {
    for (std::uint64_t at = 0; at < total;) {
      const auto size = std::min<std::uint64_t>(total - at, 1 + at % 200'000);
      if (out.write(piece(at, size))) break;
      at += size;
    }
    CHECK(!out.finish());
  }};
  std::uint64_t read = 0;
  bool right = true;
  std::string bytes;
  while (in.read(bytes)) {
    right = right && holds(read, bytes);
    read += bytes.size();
  }
  sender.join();
  CHECK(right);
  CHECK(read == total);
  CHECK(!in.error());
  CHECK(out.write("more"));
}

TEST_CASE("channel threads: a writer blocks while nobody reads, and goes on when somebody does") {
  threads t;
  channel::settings s;
  s.window = 256 * 1024;
  s.buffer = 256 * 1024;
  channel::reader in{t.system, 1, s};
  channel::writer out{t.system, 1, in.handle(), s};
  std::atomic<std::uint64_t> written{0};
  std::thread sender{[&] {
    for (int i = 0; i < 100 && !out.write(std::string(64 * 1024, 'x')); ++i) written += 64 * 1024;
    CHECK(!out.finish());
  }};
  REQUIRE(test::wait_until([&] { return written >= 256 * 1024; }));
  std::this_thread::yield();
  CHECK(written <= 3 * 256 * 1024);
  std::uint64_t read = 0;
  std::string bytes;
  while (in.read(bytes)) {
    read += bytes.size();
    CHECK(written <= read + 3 * 256 * 1024);
  }
  sender.join();
  CHECK(read == 100 * 64 * 1024);
}

TEST_CASE("channel threads: who dies or gives up ends the other's call with an error") {
  threads t;
  std::string bytes;
  {
    channel::reader in{t.system, 1};
    {
      channel::writer out{t.system, 1, in.handle()};
      CHECK(!out.write(std::string(200'000, 'x')));
    }
    while (in.read(bytes)) {
    }
    CHECK(code_of(in.error()) == errc::cancelled);
  }
  auto in = std::make_unique<channel::reader>(t.system, 2);
  channel::writer out{t.system, 2, in->handle()};
  CHECK(!out.write(std::string(200'000, 'x')));
  REQUIRE(in->read(bytes));
  caf::anon_send_exit(in->handle(), caf::exit_reason::kill);
  caf::error e;
  while (!(e = out.write(std::string(100'000, 'x')))) {
  }
  CHECK(code_of(e) == errc::failed);
  CHECK(out.finish());
  channel::writer lost{t.system, 3,
                       t.system.spawn([](caf::event_based_actor*) {})};  // it has ended already
  CHECK(lost.finish());
}

TEST_CASE("channel threads: a killed pump ends the calls that wait for it") {
  threads t;
  {
    channel::reader in{t.system, 1};
    std::atomic<bool> begun{false};
    bool more = true;
    std::thread blocked{[&] {
      std::string bytes;
      begun = true;
      more = in.read(bytes);
    }};
    CHECK(test::wait_until([&] { return begun.load(); }));
    caf::anon_send_exit(in.handle(), caf::exit_reason::kill);
    blocked.join();
    CHECK(!more);
    CHECK(code_of(in.error()) == errc::failed);
    CHECK(sentence_of(in.error()).find("ended") != std::string::npos);
  }
  // a sink that takes chunks, never answers, and keeps the writer's pump for us to kill
  for (const bool finishes : {false, true}) {
    CAPTURE(finishes);
    std::mutex mutex;
    caf::strong_actor_ptr pump;
    const auto silent = t.system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
      return {[&, self](const channel::chunk&) {
        std::lock_guard guard{mutex};
        pump = self->current_sender();
      }};
    });
    channel::settings s;
    s.buffer = 2 * s.chunk;
    channel::writer out{t.system, 2, silent, s};
    std::atomic<std::size_t> written{0};
    caf::error e;
    std::thread blocked{[&] {
      if (finishes) {
        CHECK(!out.write(std::string(100, 'x')));
        written = s.buffer;
        e = out.finish();
        return;
      }
      while (!(e = out.write(std::string(s.chunk, 'x')))) written += s.chunk;
    }};
    CHECK(test::wait_until([&] { return written >= s.buffer; }));
    // it waits for credit before it sends: any credit does, since all we want is its handle
    CHECK(test::wait_until([&] {
      std::lock_guard guard{mutex};
      return pump != nullptr;
    }));
    caf::anon_send_exit(caf::actor_cast<caf::actor>(pump), caf::exit_reason::kill);
    blocked.join();
    CHECK(code_of(e) == (finishes ? errc::unknown_outcome : errc::failed));
    CHECK(written <= s.buffer);
    CHECK(out.write(std::string(s.chunk, 'x')));
    caf::anon_send_exit(silent, caf::exit_reason::kill);
  }
}
