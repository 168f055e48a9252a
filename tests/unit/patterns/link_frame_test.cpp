#include "patterns/link/frame.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe::link;

struct seen {
  frame_kind kind{};
  int flags = 0;
  std::string body;
  bool operator==(const seen&) const = default;
};

buffer bytes(std::initializer_list<int> values) {
  buffer out;
  for (const auto v : values) out.push_back(static_cast<char>(v));
  return out;
}

// feeds the input in pieces of `step` bytes
std::vector<seen> read(frame_reader& reader, const buffer& input, std::size_t step) {
  std::vector<seen> all;
  for (std::size_t at = 0; at < input.size(); at += step) {
    // a copy of its own, so that a sanitizer sees who reads beyond it
    const buffer piece{
        input.begin() + static_cast<std::ptrdiff_t>(at),
        input.begin() + static_cast<std::ptrdiff_t>(std::min(at + step, input.size()))};
    reader.feed(piece);
    while (const auto f = reader.next())
      all.push_back({f->kind, f->flags, {f->body.begin(), f->body.end()}});
  }
  return all;
}

TEST_CASE("link frame: the bytes are those of the table") {
  buffer out;
  put_frame(out, frame_kind::data, 6, bytes({'a', 'b'}));
  CHECK(out == bytes({4, 0, 0, 0, 16, 6, 'a', 'b'}));
  buffer header;
  put_header(header, frame_kind::ack, 0, 0x10203);
  CHECK(header == bytes({5, 2, 1, 0, 17, 0}));
}

TEST_CASE("link frame: what was written is read, however it is cut") {
  buffer input;
  std::vector<seen> written;
  for (const std::size_t size : {0, 1, 5, 100, 0, 0, 99, 7}) {
    const std::string body(size, static_cast<char>('a' + size % 20));
    put_frame(input, frame_kind::data, size % 8, view{body.data(), body.size()});
    written.push_back({frame_kind::data, static_cast<int>(size % 8), body});
  }
  put_frame(input, frame_kind::bye, 0, {});
  written.push_back({frame_kind::bye, 0, ""});
  for (std::size_t step = 1; step <= input.size(); ++step) {
    CAPTURE(step);
    frame_reader reader{100};
    CHECK(read(reader, input, step) == written);
    CHECK_FALSE(reader.problem());
    CHECK(reader.rest().empty());
  }
}

TEST_CASE("link frame: what cannot be right is refused before anything is kept") {
  const auto expect = [](const char* what, buffer input, frame_problem problem) {
    CAPTURE(what);
    for (const std::size_t step : {1, 3, 1000}) {
      frame_reader reader{100};
      CHECK(read(reader, input, step).empty());
      CHECK(reader.problem() == problem);
      CHECK(reader.pending() <= frame_header);
      CHECK_FALSE(sentence(problem).empty());
    }
  };
  expect("length zero", bytes({0, 0, 0, 0, 16, 0}), frame_problem::too_short);
  expect("length one", bytes({1, 0, 0, 0, 16, 0}), frame_problem::too_short);
  expect("4 GiB", bytes({255, 255, 255, 255, 16, 0}), frame_problem::too_long);
  expect("one beyond the bound", bytes({103, 0, 0, 0, 16, 0}), frame_problem::too_long);
  expect("kind zero", bytes({2, 0, 0, 0, 0, 0}), frame_problem::unknown_kind);
  expect("kind 15", bytes({2, 0, 0, 0, 15, 0}), frame_problem::unknown_kind);
  expect("kind 255", bytes({2, 0, 0, 0, 255, 0}), frame_problem::unknown_kind);
  expect("data with flag 8", bytes({2, 0, 0, 0, 16, 8}), frame_problem::unknown_flags);
  expect("ack with flags", bytes({2, 0, 0, 0, 17, 1}), frame_problem::unknown_flags);
  expect("credit with more", bytes({2, 0, 0, 0, 18, 4}), frame_problem::unknown_flags);
  expect("hello with flags", bytes({2, 0, 0, 0, 2, 1}), frame_problem::unknown_flags);
}

TEST_CASE("link frame: at the bound is allowed, and a problem stays") {
  frame_reader reader{100};
  buffer input;
  put_frame(input, frame_kind::data, 0, buffer(100));
  CHECK(read(reader, input, 1).size() == 1);
  CHECK(read(reader, bytes({0, 0, 0, 0, 0, 0}), 6).empty());
  CHECK(reader.problem() == frame_problem::too_short);
  CHECK(read(reader, input, 1000).empty());
  reader.reset();
  CHECK(read(reader, input, 1000).size() == 1);
}

TEST_CASE("link frame: an announced length reserves nothing") {
  frame_reader reader{1u << 30};
  auto input = bytes({0, 0, 0, 0x3f, 16, 0, 'x'});
  reader.feed(input);
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.problem());
  CHECK(reader.pending() == 7);
}

TEST_CASE("link frame: what follows a frame can be handed to another reader") {
  buffer input;
  put_frame(input, frame_kind::welcome, 0, bytes({1}));
  input.push_back('z');
  frame_reader reader{100};
  reader.feed(input);
  CHECK(reader.next());
  CHECK(reader.rest().size() == 1);
  CHECK(reader.rest()[0] == 'z');
}

TEST_CASE("link bytes: a reader that failed yields zeros") {
  buffer out;
  put(out, std::uint32_t{7});
  put_text(out, "abc");
  byte_reader in{out};
  CHECK(in.get<std::uint32_t>() == 7);
  CHECK(in.get_text() == "abc");
  CHECK(in.rest().empty());
  CHECK_FALSE(in.failed());
  CHECK(in.get<std::uint8_t>() == 0);
  CHECK(in.failed());
  byte_reader cut{view{out}.first(6)};
  CHECK(cut.get<std::uint32_t>() == 7);
  CHECK(cut.get_text().empty());
  CHECK(cut.failed());
  CHECK(cut.get<std::uint64_t>() == 0);
}
}  // namespace
