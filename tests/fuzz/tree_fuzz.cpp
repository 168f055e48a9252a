// room: patterns
// What a log or a disk may hand to the coordination tree: any bytes as requests, questions, replies,
// paths and snapshots. What is read can be written and read again; what was applied can be restored;
// what was restored can be walked, watched, and emptied.
#include "fuzz_checks.hpp"
#include "patterns/encoding.hpp"
#include "patterns/tree/machine.hpp"
#include "patterns/tree/watches.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace {
using namespace troupe;
using test::expect, test::value;
using namespace troupe::tree;

void checked_path(std::string_view path) {
  if (!check_path(path, {})) return;
  for (auto up = path; up != "/"; up = parent_of(up)) {
    expect(bool(check_path(parent_of(up), {})));
    expect(covers(parent_of(up), path));
    expect(below(parent_of(up)) + std::string{name_in(up)} == up);
  }
}

std::vector<std::string> paths_of(const data_tree& t) {
  std::vector<std::string> all;
  t.walk("/", [&](std::string_view path, const stat&) {
    all.emplace_back(path);
    return true;
  });
  return all;
}

void restored(std::string_view bytes) {
  data_tree t;
  const auto empty = t.bytes();
  if (!t.restore(bytes)) return;
  const auto once = t.snapshot();
  data_tree other;
  expect(bool(other.restore(once)));
  expect(other.snapshot() == once && other.bytes() == t.bytes());
  if (t.at() > ~zxid{0} - 100'000) return;  // near the end of all numbers
  auto all = paths_of(t);
  expect(all.size() == t.size());
  std::vector<session_id> sessions;
  for (const auto& [id, s] : t.sessions().all()) sessions.push_back(id);
  for (const auto id : sessions) t.apply({t.at() + 1, 1}, {expire_session{id}});
  expect(t.sessions().nodes() == 0);
  for (auto path = all.rbegin(); path != all.rend(); ++path) {
    if (*path == "/" || t.look(*path) == nullptr) continue;
    // one whose path is beyond the bounds of today stays, and keeps its parents
    t.apply({t.at() + 1, 1}, {erase{*path}});
  }
  if (t.size() == 1) expect(t.bytes() >= empty && t.look("/")->children == 0);
}

// Requests behind each other, each behind its length in one byte.
void applied_in_order(std::string_view bytes) {
  const tree_settings bounds{.sessions = {.sessions_max = 2, .secret_bytes_min = 1},
                             .children_max = 8};
  watches w{{.watches_max = 8}};
  watch_output out;
  tree_machine machine{
      bounds, [&](const data_tree& t, const effect* done) {
        out.clear();
        w.fire(t, *done, out);
        for (const auto kind : {watch_kind::exists, watch_kind::children})
          (void)w.add(1, {"/a", kind}, t);
        (void)w.add(2, {"/", watch_kind::recursive}, t);
        expect(bool(w.resume(3, t.at(), {{"/a", watch_kind::persistent}}, t, out)));
      }};
  std::uint64_t index = 0;
  while (!bytes.empty()) {
    const auto n =
        std::min<std::size_t>(static_cast<unsigned char>(bytes.front()), bytes.size() - 1);
    const auto request = bytes.substr(1, n);
    bytes.remove_prefix(n + 1);
    expect(bool(decode<reply>(machine.apply({++index, 1}, request))));
    expect(bool(decode<reply>(machine.query(request))));
  }
  const auto snapshot = machine.snapshot();
  tree_machine other{bounds};
  expect(bool(other.restore(snapshot)));
  expect(other.snapshot() == snapshot);
  expect(other.content().bytes() == machine.content().bytes());
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0] % 6) {
    case 0:
      value<request>(bytes);
      break;
    case 1:
      value<question>(bytes);
      break;
    case 2:
      value<reply>(bytes);
      break;
    case 3:
      restored(bytes);
      break;
    case 4:
      applied_in_order(bytes);
      break;
    default:
      checked_path(bytes);
  }
  return 0;
}
