// Types of every kind for the codec's tests, two generations of some, and a system whose table knows them.
#pragma once
#include "patterns/message.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <doctest/doctest.h>

namespace codec_test {
enum class role : std::uint8_t { follower, candidate, leader };
TROUPE_ENUM(role, follower, candidate, leader)

struct entry {
  std::uint64_t term = 0;
  std::string data;
};
TROUPE_MESSAGE(entry, term, data)

struct everything {
  bool flag = false;
  std::int8_t tiny = 0;
  std::uint16_t small = 0;
  std::int32_t medium = 0;
  std::uint64_t large = 0;
  std::int64_t negative = 0;
  float single = 0;
  double real = 0;
  std::string text;
  role from = role::follower;
  std::vector<char> blob;
  std::vector<std::uint8_t> bytes;
  std::vector<entry> entries;
  std::vector<double> reals;
  std::map<std::string, std::vector<double>> tree;
  std::set<std::int32_t> numbers;
  std::optional<double> maybe;
  std::optional<entry> none;
  std::pair<std::int32_t, std::string> both;
  std::array<std::uint16_t, 3> three{};
  std::tuple<bool, double> two;
  std::variant<std::monostate, entry, double> choice;
  std::vector<bool> bits;
  std::chrono::milliseconds age{};
  std::chrono::duration<double> seconds{};
};
TROUPE_MESSAGE(everything, flag, tiny, small, medium, large, negative, single, real, text, from,
               blob, bytes, entries, reals, tree, numbers, maybe, none, both, three, two, choice,
               bits, age, seconds)

struct older {
  std::uint32_t id = 0;
  std::string name = "unnamed";
};
TROUPE_MESSAGE(older, id, name)
struct newer {
  std::uint64_t id = 0;  // widened
  std::string name = "unnamed";
  std::vector<entry> history = {{1, "default"}};
  double weight = 0.5;
};
TROUPE_MESSAGE(newer, id, name, history, weight)
struct older_list {
  std::vector<older> items;
  std::string last;
};
TROUPE_MESSAGE(older_list, items, last)
struct newer_list {
  std::vector<newer> items;
  std::string last;
};
TROUPE_MESSAGE(newer_list, items, last)

struct node {
  std::vector<node> children;
};
TROUPE_MESSAGE(node, children)

struct letter {
  caf::actor from;
  caf::strong_actor_ptr to;
  caf::actor_addr copy;
  caf::error why;
  caf::message content;
};
TROUPE_MESSAGE(letter, from, to, copy, why, content)

struct small {
  std::uint64_t n = 0;
  std::string text;
};
TROUPE_MESSAGE(small, n, text)

// has an inspect of its own
struct foreign {
  std::uint32_t n = 0;
  std::vector<caf::actor> who;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, foreign& x) {
  return f(caf::meta::type_name("foreign"), x.n, x.who);
}
struct foreign_letter {
  caf::message content;
  std::uint32_t n = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, foreign_letter& x) {
  return f(caf::meta::type_name("foreign_letter"), x.content, x.n);
}
}  // namespace codec_test

namespace {
using namespace codec_test;
using namespace troupe;
using namespace troupe::codec;
using bytes = std::vector<char>;

struct world {
  caf::actor_system_config cfg;
  std::unique_ptr<caf::actor_system> sys;
  std::unique_ptr<type_table> types;
  std::unique_ptr<caf::scoped_execution_unit> context;
  template <class... Ts, class... Names>
  static std::unique_ptr<world> with(Names... names) {
    auto w = std::make_unique<world>();
    (w->cfg.add_message_type<Ts>(names), ...);
    w->start();
    return w;
  }
  void start() {
    cfg.set("scheduler.policy", caf::atom("testing"));
    sys = std::make_unique<caf::actor_system>(cfg);
    types = std::make_unique<type_table>(*sys);
    context = std::make_unique<caf::scoped_execution_unit>(sys.get());
  }
  bytes encode(const caf::message& m, failure expected = failure::none) {
    bytes out;
    wire_writer w{context.get(), types.get(), out};
    const auto e = save_content(w, m);
    CHECK(w.why() == expected);
    CHECK(static_cast<bool>(e) == (expected != failure::none));
    return out;
  }
  caf::message decode(const bytes& in, failure expected = failure::none,
                      reader_options options = {}) {
    wire_reader r{context.get(), types.get(), in.data(), in.size(), options};
    caf::message m;
    const auto e = load_content(r, m);
    CHECK(r.why() == expected);
    CHECK(static_cast<bool>(e) == (expected != failure::none));
    if (!e) CHECK(r.left() == 0);
    return m;
  }
};

std::unique_ptr<world> all_types() {
  return world::with<entry, everything, older_list, node, letter, small, foreign>(
      "t.entry", "t.everything", "t.list", "t.node", "t.letter", "t.small", "t.foreign");
}

template <class T>
bytes form_of(const T& x) {
  bytes out;
  wire_writer w{nullptr, nullptr, out};
  save(w, x);
  CHECK(w.why() == failure::none);
  return out;
}
template <class T>
failure read(const bytes& in, T& x, limits bounds = {}) {
  wire_reader r{nullptr, nullptr, in.data(), in.size(), {.bounds = bounds}};
  load(r, x);
  return r.why();
}

everything full() {
  everything x;
  x.flag = true;
  x.tiny = -128;
  x.small = 65535;
  x.medium = std::numeric_limits<std::int32_t>::min();
  x.large = std::numeric_limits<std::uint64_t>::max();
  x.negative = std::numeric_limits<std::int64_t>::min();
  x.single = 1.5F;
  x.real = -0.1;
  x.text = std::string("a\0b", 3);
  x.from = role::leader;
  x.blob = {'x', 'y'};
  x.bytes = {0, 255};
  x.entries = {{1, "one"}, {2, std::string(300, 'z')}};
  x.reals = {1, 2, 3};
  x.tree = {{"a", {1}}, {"b", {}}};
  x.numbers = {-5, 7};
  x.maybe = 2.5;
  x.both = {-1, "second"};
  x.three = {1, 2, 3};
  x.two = {true, 0.25};
  x.choice = entry{9, "nine"};
  x.bits = {true, false, true};
  x.age = std::chrono::milliseconds{-250};
  x.seconds = std::chrono::duration<double>{0.125};
  return x;
}

bytes of(std::initializer_list<int> values) {
  bytes out;
  for (const int v : values) out.push_back(static_cast<char>(v));
  return out;
}
}  // namespace
