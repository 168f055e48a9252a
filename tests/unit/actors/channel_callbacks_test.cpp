// What a channel's callbacks may do: end, close and reopen the very channel that calls them. Each callback reads what it
// has captured after it did so, and the sanitizer reads along.
#include "channel_fixture.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <caf/all.hpp>
#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace std::chrono_literals;
using namespace channel_test;

// A sender and a receiver of channel 7, and what their callbacks have noted.
struct pair {
  std::vector<std::string> noted;  // outlives the actors, whose callbacks may note a death
  test::virtual_world w{1, channel::register_types};
  caf::actor a = join(w), b = join(w);
  channel::channels& out() { return *state_of(a).all; }
  channel::channels& in() { return *state_of(b).all; }
  void run(const caf::actor& who, std::function<void()> what) {
    act(who, std::move(what));
    w.run_for(1s);
  }
  // A callback that does something, and then uses what it has captured: `name` is too long to lie in the closure.
  template <class F>
  auto then_note(std::string name, F f) {
    name += ", and the captured words are still readable";
    return [this, name, f](auto&&...) {
      f();
      noted.push_back(name.substr(0, name.find(',')));
    };
  }
  std::function<void(caf::error)> note(std::string name) {
    return [this, name](const caf::error& e) { noted.push_back(name + (e ? " failed" : "")); };
  }
  void greedy_sink() {
    run(b, [this] {
      in().open_sink(7, {.data =
                             [this](const std::string& bytes) {
                               if (auto* sink = in().find_sink(7)) sink->consumed(bytes.size());
                             },
                         .over = note("receiver")});
    });
  }
};
using names = std::vector<std::string>;
}  // namespace

TEST_CASE("channel callbacks: close from data ends the sink that calls it, and no more is told") {
  pair p;
  p.run(p.b, [&] {
    p.in().open_sink(7, {.data = p.then_note("data", [&] { p.in().close("enough"); }),
                         .over = p.note("receiver")});
  });
  p.run(p.a, [&] {
    auto& source =
        p.out().open_source(7, p.b, {.space = {}, .over = p.note("sender"), .progress = {}});
    for (int i = 0; i < 10; ++i) source.write(std::string(1000, 'x'));
  });
  CHECK(p.noted == names{"data", "sender failed"});
  CHECK(p.in().size() == 0);
  CHECK(p.out().size() == 0);
}

TEST_CASE("channel callbacks: abort from data leaves the callback that runs whole") {
  pair p;
  p.run(p.b, [&] {
    p.in().open_sink(7,
                     {.data = p.then_note("data", [&] { p.in().find_sink(7)->abort("disk full"); }),
                      .over = p.note("receiver")});
  });
  p.run(p.a, [&] {
    p.out()
        .open_source(7, p.b, {.space = {}, .over = p.note("sender"), .progress = {}})
        .write("bytes");
  });
  CHECK(p.noted == names{"receiver failed", "data", "sender failed"});
  CHECK(p.in().size() == 0);
}

TEST_CASE("channel callbacks: close from space, progress and over") {
  channel::settings small;
  small.buffer = 1000;
  for (const std::string which : {"space", "progress", "over"}) {
    CAPTURE(which);
    pair p;
    p.greedy_sink();
    const auto closes = [&](const std::string& name) {
      return p.then_note(name, [&p, close = name == which] {
        if (close) p.out().close("enough");
      });
    };
    p.run(p.a, [&] {
      auto& source = p.out().open_source(
          7, p.b,
          {.space = closes("space"), .over = closes("over"), .progress = closes("progress")},
          small);
      while (source.accepts()) source.write(std::string(600, 'x'));
      if (which == "over") source.finish();
    });
    p.w.run_for(10s);
    CHECK(std::count(p.noted.begin(), p.noted.end(), which) >= 1);
    CHECK(std::count(p.noted.begin(), p.noted.end(), "over") == (which == "over" ? 1 : 0));
    CHECK(std::count(p.noted.begin(), p.noted.end(), "receiver failed") ==
          (which == "over" ? 0 : 1));
    CHECK(p.out().size() == 0);
    CHECK(p.in().size() == 0);
  }
}

TEST_CASE("channel callbacks: close from one channel's over while a tick walks over all") {
  pair p;
  p.run(p.a, [&] {
    for (channel::id id = 1; id <= 5; ++id) {
      p.out().open_source(id, caf::actor{},
                          {.space = {},
                           .over = p.then_note("source", [&] { p.out().close("all of them"); }),
                           .progress = {}});
      p.out().open_sink(id, {.data = {}, .over = p.note("sink")});
    }
  });
  CHECK(p.out().size() == 10);
  p.w.run_for(20s);  // nobody comes: the first is told, and closes all others
  CHECK(p.noted == names{"source"});
  CHECK(p.out().size() == 0);
}

TEST_CASE("channel callbacks: over opens the same id again while a tick walks over all") {
  pair p;
  p.run(p.a, [&] {
    for (channel::id id = 1; id <= 3; ++id) {
      p.out().open_source(
          id, caf::actor{},
          {.space = {},
           .over = p.then_note("source",
                               [&p, id] {
                                 p.out().open_source(
                                     id, caf::actor{},
                                     {.space = {}, .over = p.note("second"), .progress = {}});
                               }),
           .progress = {}});
      p.out().open_sink(id, {.data = {}, .over = p.then_note("sink", [&p, id] {
                               p.out().open_sink(id, {.data = {}, .over = p.note("second")});
                             })});
    }
  });
  p.w.run_for(11s);
  CHECK(p.noted == names{"source", "source", "source", "sink", "sink", "sink"});
  CHECK(p.out().size() == 6);
  p.w.run_for(11s);
  CHECK(p.noted.size() == 12);
  CHECK(p.noted.back() == "second failed");
  CHECK(p.out().size() == 0);
}

TEST_CASE("channel callbacks: data opens its own sink again, which is another channel") {
  pair p;
  p.run(p.b, [&] {
    p.in().open_sink(
        7, {.data = p.then_note(
                "data", [&] { p.in().open_sink(7, {.data = {}, .over = p.note("fresh")}); }),
            .over = p.note("replaced")});
  });
  p.run(p.a, [&] {
    auto& source =
        p.out().open_source(7, p.b, {.space = {}, .over = p.note("sender"), .progress = {}});
    for (int i = 0; i < 10; ++i) source.write(std::string(1000, 'x'));
  });
  p.w.run_for(30s);
  // the sender learns that its receiver has forgotten what it had, and so does the fresh sink
  REQUIRE(p.noted.size() == 3);
  CHECK(p.noted[0] == "data");
  CHECK(std::count(p.noted.begin(), p.noted.end(), "sender failed") == 1);
  CHECK(std::count(p.noted.begin(), p.noted.end(), "fresh failed") == 1);
  CHECK(p.in().size() == 0);
  CHECK(p.out().size() == 0);
}

TEST_CASE("channel callbacks: space and progress open their own source again") {
  channel::settings small;
  small.buffer = 1000;
  for (const std::string which : {"space", "progress"}) {
    CAPTURE(which);
    pair p;
    p.greedy_sink();
    const auto reopens = [&](const std::string& name) {
      return p.then_note(name, [&p, reopen = name == which] {
        if (!reopen) return;
        p.out().open_source(7, p.b, {.space = {}, .over = p.note("fresh"), .progress = {}});
      });
    };
    p.run(p.a, [&] {
      auto& source = p.out().open_source(
          7, p.b,
          {.space = reopens("space"), .over = p.note("replaced"), .progress = reopens("progress")},
          small);
      while (source.accepts()) source.write(std::string(600, 'x'));
    });
    p.w.run_for(30s);
    CHECK(std::count(p.noted.begin(), p.noted.end(), which) == 1);
    CHECK(std::count(p.noted.begin(), p.noted.end(), "replaced failed") == 0);
    CHECK(std::count(p.noted.begin(), p.noted.end(), "fresh failed") == 1);
    CHECK(p.out().size() == 0);
    CHECK(p.in().size() == 0);
  }
}

TEST_CASE("channel callbacks: a loop that writes ends when its source is replaced under it") {
  pair p;
  int written = 0;
  p.run(p.a, [&] {
    auto& source = p.out().open_source(7, p.b, {.space = {}, .over = {}, .progress = {}});
    while (source.accepts() && written < 100) {
      if (++written == 3) p.out().open_source(7, p.b, {.space = {}, .over = {}, .progress = {}});
      CHECK(source.write("x") == (written < 3));
    }
  });
  CHECK(written == 3);
  p.w.run_for(1s);
  CHECK(p.out().size() == 0);  // nobody has this channel over there
}

TEST_CASE("channel callbacks: on_empty may be set and close called where it runs") {
  pair p;
  int emptied = 0;
  p.run(p.a, [&] {
    p.out().on_empty([&, words = std::string(100, 'w')] {
      p.out().close("nothing");
      p.out().on_empty({});
      emptied += words.size() == 100 ? 1 : 100;
    });
    p.out().open_sink(7, {.data = {}, .over = {}});
    p.out().close("done");
    CHECK(emptied == 1);
  });
  CHECK(p.out().size() == 0);
}
