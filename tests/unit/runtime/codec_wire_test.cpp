// The wire form of message contents: round trips, two versions of a struct, handles, and hostile bytes.
#include "codec_wire_fixture.hpp"

#include <doctest/doctest.h>

TEST_CASE("codec wire: every kind of field survives, alone and in a message") {
  auto w = all_types();
  const auto x = full();
  everything y;
  CHECK(read(form_of(x), y) == failure::none);
  CHECK(x == y);
  const auto m =
      w->decode(w->encode(caf::make_message(x, everything{}, std::string{"s"}, std::uint8_t{3})));
  REQUIRE(m.match_elements<everything, everything, std::string, std::uint8_t>());
  CHECK(m.get_as<everything>(0) == x);
  CHECK(m.get_as<everything>(1) == everything{});
  CHECK(m.get_as<std::string>(2) == "s");
}

TEST_CASE("codec wire: CAF's own types and vectors of registered ones survive") {
  auto w = all_types();
  const auto m =
      caf::make_message(true, std::int64_t{-5}, 1.5, 2.5F, caf::atom("go"),
                        std::u16string{u"\u20ac"}, std::vector<std::string>{"a", "b"},
                        caf::timespan{5}, caf::unit, std::vector<entry>{{1, "x"}, {2, "y"}});
  const auto n = w->decode(w->encode(m));
  CHECK(to_string(n) == to_string(m));
  CHECK(w->decode(w->encode(caf::message{})).empty());
}

TEST_CASE("codec wire: floats are bits, wherever they stand") {
  auto w = all_types();
  const auto inf = std::numeric_limits<double>::infinity();
  const std::vector<double> odd{inf,
                                -inf,
                                std::numeric_limits<double>::quiet_NaN(),
                                -0.0,
                                std::numeric_limits<double>::denorm_min(),
                                std::numeric_limits<double>::max()};
  const auto same = [](double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
  };
  for (const auto d : odd) {
    everything x, y;
    x.real = d;
    x.single = static_cast<float>(d);
    x.reals = odd;
    x.tree["x"] = {d};
    x.maybe = d;
    x.two = {false, d};
    x.choice = d;
    x.seconds = std::chrono::duration<double>{d};
    REQUIRE(read(form_of(x), y) == failure::none);
    CHECK(same(y.real, d));
    CHECK(std::bit_cast<std::uint32_t>(y.single) == std::bit_cast<std::uint32_t>(x.single));
    CHECK(same(y.reals[2], odd[2]));
    CHECK(same(y.tree["x"][0], d));
    CHECK(same(*y.maybe, d));
    CHECK(same(std::get<1>(y.two), d));
    CHECK(same(std::get<double>(y.choice), d));
    CHECK(same(y.seconds.count(), d));
    const auto m = w->decode(w->encode(caf::make_message(d, static_cast<float>(d))));
    CHECK(same(m.get_as<double>(0), d));
    // under a serializer that is not ours, too: CAF's would hang on infinity
    bytes plain;
    caf::binary_serializer out{*w->sys, plain};
    REQUIRE(!out(x));
    everything z;
    caf::binary_deserializer in{*w->sys, plain};
    REQUIRE(!in(z));
    CHECK(same(z.real, d));
    CHECK(same(z.tree["x"][0], d));
  }
}

TEST_CASE("codec wire: fields that one side does not know are skipped, or keep their defaults") {
  auto old_node = world::with<older_list>("t.list");
  auto new_node = world::with<newer_list>("t.list");
  const older_list a{{{1, "one"}, {2, "two"}}, "end"};
  const newer_list b{{{1, "one", {{7, "kept"}}, 2.0}, {2, "two", {}, 3.0}}, "end"};
  const auto up = new_node->decode(old_node->encode(caf::make_message(a, std::string{"after"})));
  REQUIRE(up.match_elements<newer_list, std::string>());
  CHECK(up.get_as<newer_list>(0) == newer_list{{{1, "one"}, {2, "two"}}, "end"});
  CHECK(up.get_as<newer_list>(0).items[0].history == std::vector<entry>{{1, "default"}});
  const auto down = old_node->decode(new_node->encode(caf::make_message(b, std::string{"after"})));
  REQUIRE(down.match_elements<older_list, std::string>());
  CHECK(down.get_as<older_list>(0) == a);
  CHECK(down.get_as<std::string>(1) == "after");
}

TEST_CASE("codec wire: golden bytes, which older versions have written") {
  // length, n = 300 as varint, text; the registered type is its hash
  CHECK(form_of(small{300, "ab"}) == of({5, 0xac, 0x02, 2, 'a', 'b'}));
  CHECK(form_of(older{}) == of({9, 0, 7, 'u', 'n', 'n', 'a', 'm', 'e', 'd'}));
  CHECK(ref_of("t.small") == 10011934179909268183U);
  auto w = all_types();
  const auto m = w->encode(caf::make_message(small{1, ""}, std::int32_t{5}));
  CHECK(m.size() == 1 + 8 + 3 + 1 + 4);
  CHECK(m[12] == 10);  // @i32
}

TEST_CASE("codec wire: hostile bytes end in a failure and not in an allocation") {
  struct row {
    const char* what;
    bytes in;
    failure then;
  };
  const row rows[] = {
      {"nothing", {}, failure::truncated},
      {"a struct longer than its bytes", of({9, 1}), failure::truncated},
      {"a field that ends early", of({1, 0x80}), failure::truncated},
      {"a text longer than its struct", of({3, 1, 9, 'a'}), failure::truncated},
      {"a text of 2^63 bytes",
       of({11, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 'a'}), failure::truncated},
      {"a number of 70 bits",
       of({11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}), failure::bad_value},
      {"unknown fields are fine", of({5, 1, 1, 'a', 8, 8}), failure::none},
      {"no field at all is fine", of({0}), failure::none},
  };
  for (const auto& r : rows) {
    CAPTURE(r.what);
    small x;
    CHECK(read(r.in, x) == r.then);
  }
  everything x;
  CHECK(read(of({1, 2}), x) == failure::bad_value);  // a bool of 2
  x = {};
  auto enumerator = form_of(x);
  everything led;
  led.from = role::leader;
  const auto name = form_of(led);
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (enumerator[i] != name[i]) enumerator[i] = 3;
  }
  CHECK(read(enumerator, x) == failure::bad_value);
  older narrow;
  CHECK(read(form_of(small{1ULL << 32, ""}), narrow) == failure::bad_value);
}

TEST_CASE("codec wire: nesting, counts and memory are bounded") {
  node deep;
  for (int i = 0; i < 31; ++i) deep = node{{deep}};
  node read_back;
  CHECK(read(form_of(deep), read_back) == failure::none);
  CHECK(deep == read_back);
  bytes out;
  wire_writer w{nullptr, nullptr, out};
  save(w, node{{deep}});
  CHECK(w.why() == failure::too_deep);
  bytes nested;
  for (int i = 0; i < 60; ++i) {
    nested.insert(nested.begin(), 1);
    nested.insert(nested.begin(), static_cast<char>(nested.size()));
  }
  CHECK(read(nested, read_back) == failure::too_deep);
  // a million empty structs of 24 bytes each from a megabyte
  bytes many = of({0x80 | 0x44, 0x80 | 0x3d, 0x3d, 0x80 | 0x40, 0x80 | 0x3d, 0x3d});
  many.resize(many.size() + 0xf5f40);
  std::vector<node> flood;
  CHECK(read(of({3, 0, 0, 0}), flood) == failure::none);
  bytes lots = of({0xc0, 0x84, 0x3d});
  lots.resize(lots.size() + 1'000'000);
  CHECK(read(lots, flood, {.memory = 1 << 20}) == failure::too_large);
  CHECK(read(lots, flood) == failure::none);
  CHECK(flood.size() == 1'000'000);
  auto world = all_types();
  caf::message_builder builder;
  for (int i = 0; i < 257; ++i) builder.append(std::uint8_t{1});
  world->encode(builder.to_message(), failure::too_many);
  bytes elements = of({0x81, 0x02});
  elements.resize(1000, 28);
  world->decode(elements, failure::too_many);
  bytes wrapped = of({0});
  for (int i = 0; i < 100; ++i)
    wrapped.insert(wrapped.begin(), {1, 13});  // a message in a message ...
  world->decode(wrapped, failure::too_deep);
}

TEST_CASE("codec wire: memory estimates what decoded values hold") {
  auto w = all_types();
  const auto in = w->encode(caf::make_message(small{1, std::string(100'000, 'x')}));
  wire_reader r{w->context.get(), w->types.get(), in.data(), in.size()};
  caf::message m;
  REQUIRE(!load_content(r, m));
  CHECK(r.memory() >= 100'000);
  CHECK(r.memory() <= 100'500);
  // empty strings are a byte each on the wire, and many in memory
  const auto words = w->encode(caf::make_message(std::vector<std::string>(10'000)));
  CHECK(words.size() < 10'010);
  wire_reader s{w->context.get(), w->types.get(), words.data(), words.size()};
  REQUIRE(!load_content(s, m));
  CHECK(s.memory() >= 10'000 * sizeof(std::string));
  w->decode(words, failure::too_large, {.bounds = {.memory = 300'000}});
}

TEST_CASE("codec wire: unknown and refused types are told apart") {
  auto a = world::with<small>("t.small");
  auto b = world::with<entry>("t.entry");
  const auto in = a->encode(caf::make_message(std::int32_t{1}, small{}));
  wire_reader r{b->context.get(), b->types.get(), in.data(), in.size()};
  caf::message m;
  const auto e = load_content(r, m);
  CHECK(r.why() == failure::unknown_type);
  CHECK(code_of(e) == errc::unsupported);
  CHECK(r.unknown() == ref_of("t.small"));
  CHECK(a->types->name_of(r.unknown()) == "t.small");
  CHECK(m.empty());
  b->encode(caf::make_message(small{}), failure::unknown_type);
  b->encode(caf::make_message(caf::exit_msg{}), failure::unknown_type);
  b->encode(caf::make_message(caf::make_message(caf::down_msg{})), failure::unknown_type);
  // CAF names them in values that have an inspect of their own
  bytes named = form_of(std::string{"@<>+@str+@exit"});
  wire_reader n{b->context.get(), b->types.get(), named.data(), named.size()};
  n(m);  // CAF does not hand the failure on, the reader keeps it
  CHECK(n.why() == failure::refused_type);
  for (int ref = 0; ref < 128; ++ref) {
    const auto one = of({1, ref});
    wire_reader any{b->context.get(), b->types.get(), one.data(), one.size()};
    load_content(any, m);
    if (!m.empty()) CHECK(!m.match_element<caf::exit_msg>(0));
    if (ref == 0 || ref >= 34) CHECK(any.why() == failure::unknown_type);
  }
}

TEST_CASE("codec wire: handles are resolved, errors and messages in fields survive") {
  auto w = all_types();
  std::array<std::uint8_t, 20> host{1, 2, 3};
  const_cast<caf::node_id&>(w->sys->node()) = caf::make_node_id(7, host);
  auto actor = w->sys->spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
  letter x;
  x.from = actor;
  x.to = caf::actor_cast<caf::strong_actor_ptr>(actor);
  x.copy = actor.address();
  x.why = make_error(errc::overloaded, "too much");
  x.content = caf::make_message(1, caf::make_message(std::string{"inner"}));
  const auto in = w->encode(caf::make_message(x, actor, foreign{1, {actor, actor}}, actor->node()));
  const auto m = w->decode(in);
  REQUIRE(m.match_elements<letter, caf::actor, foreign, caf::node_id>());
  const auto& y = m.get_as<letter>(0);
  CHECK(y.from == actor);
  CHECK(y.to == x.to);
  CHECK(y.copy == actor.address());
  CHECK(code_of(y.why) == errc::overloaded);
  CHECK(sentence_of(y.why) == "too much");
  CHECK(to_string(y.content) == to_string(x.content));
  CHECK(m.get_as<caf::actor>(1) == actor);
  CHECK(m.get_as<foreign>(2).who == std::vector<caf::actor>{actor, actor});
  const auto empty = w->decode(w->encode(caf::make_message(letter{})));
  REQUIRE(empty.match_elements<letter>());
  CHECK(!empty.get_as<letter>(0).from);
  CHECK(!empty.get_as<letter>(0).why);

  // the hook sees every node id, in fields and where CAF reads it piece by piece
  int seen = 0;
  const auto other = caf::make_node_id(8, host);
  const node_hook rename = [&](const caf::node_id& id) {
    ++seen;
    CHECK(id == w->sys->node());
    return other;
  };
  const auto plain = w->encode(caf::make_message(actor->node(), foreign{}));
  CHECK(w->decode(plain, failure::none, {.nodes = &rename}).get_as<caf::node_id>(0) == other);
  CHECK(seen == 1);
  // no proxies here: a handle of another node cannot be resolved
  w->decode(w->encode(caf::make_message(x)), failure::bad_handle, {.nodes = &rename});
  w->decode(w->encode(caf::make_message(foreign{1, {actor}})), failure::foreign,
            {.nodes = &rename});
  CHECK(seen == 3);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
  dynamic_cast<caf::scheduler::test_coordinator&>(w->sys->scheduler()).run();
  actor = nullptr;
  x = {};
}

TEST_CASE("codec wire: messages inside values with an inspect function of their own") {
  auto w = world::with<foreign_letter>("t.letter");
  // more of them than may be nested, full and empty
  std::vector<foreign_letter> many(100);
  for (std::uint32_t i = 0; i < many.size(); ++i) {
    many[i].n = i;
    if (i % 2 == 1) many[i].content = caf::make_message(i, std::string{"x"});
  }
  const auto m = w->decode(w->encode(caf::make_message(many)));
  REQUIRE(m.match_elements<std::vector<foreign_letter>>());
  for (std::uint32_t i = 0; i < many.size(); ++i) {
    const auto& one = m.get_as<std::vector<foreign_letter>>(0)[i];
    CHECK(one.n == i);
    CHECK(to_string(one.content) == to_string(many[i].content));
  }
  // a type that CAF does not know: it leaves the message empty and reads on, and we refuse
  auto in = w->encode(caf::make_message(foreign_letter{caf::make_message(std::int32_t{5}), 7}));
  const std::string known = "@<>+@i32", unknown = "@<>+@i3x";
  const auto at = std::search(in.begin(), in.end(), known.begin(), known.end());
  REQUIRE(at != in.end());
  std::copy(unknown.begin(), unknown.end(), at);
  w->decode(in, failure::foreign);
}

TEST_CASE("codec wire: cut and changed bytes never do harm") {
  auto w = all_types();
  const auto good =
      w->encode(caf::make_message(full(), std::string{"x"}, std::vector<entry>{{1, "y"}}));
  for (std::size_t n = 0; n < good.size(); ++n)
    w->decode({good.begin(), good.begin() + static_cast<long>(n)}, failure::truncated);
  std::mt19937_64 chance{7};
  for (int round = 0; round < 2000; ++round) {
    auto bad = good;
    for (auto n = 1 + chance() % 4; n > 0; --n)
      bad[chance() % bad.size()] = static_cast<char>(chance());
    wire_reader r{w->context.get(), w->types.get(), bad.data(), bad.size()};
    caf::message m;
    if (load_content(r, m)) CHECK(m.empty());
  }
}
