// room: patterns
// What a log or a disk may hand to the replicated map and its session table: any bytes as commands,
// questions and snapshots. What is read can be written and read again; what was applied can be
// restored, and the history of what was restored can be walked.
#include "fuzz_checks.hpp"
#include "patterns/consensus/sessions.hpp"
#include "patterns/encoding.hpp"
#include "patterns/storage/map_machine.hpp"

#include <memory>

namespace {
using namespace troupe;
using test::expect, test::value;

void restored(std::string_view bytes) {
  storage::map m;
  if (!m.restore(bytes)) return;
  const auto once = m.snapshot();
  storage::map other;
  expect(bool(other.restore(once)));
  expect(other.snapshot() == once);
  other.changes(other.floor() + 1, [](storage::revision, const auto& events) {
    expect(!events.empty());
    return true;
  });
  other.apply(storage::erase{storage::prefix("")});
  expect(other.size() == 0);
  if (other.at() > m.at()) {  // not at the end of all numbers
    other.apply(storage::compact{other.at()});
    expect(other.bytes() == 0);
  }
}

// Commands behind each other, each behind its length in one byte.
void applied_in_order(std::string_view bytes) {
  auto machine = [] {
    return std::make_unique<sessions::table>(
        std::make_unique<storage::map_machine>(storage::map_settings{.history_events = 4}),
        sessions::settings{.sessions_max = 2, .window = 2});
  };
  auto table = machine();
  std::uint64_t index = 0;
  while (!bytes.empty()) {
    const auto n =
        std::min<std::size_t>(static_cast<unsigned char>(bytes.front()), bytes.size() - 1);
    const auto command = bytes.substr(1, n);
    bytes.remove_prefix(n + 1);
    expect(bool(decode<sessions::reply>(table->apply({++index, 1}, command))));
    const auto plain = encode(sessions::entry{.command = std::string{command}});
    expect(bool(decode<sessions::reply>(table->apply({++index, 1}, plain))));
    expect(bool(decode<storage::reply>(table->query(command))));
  }
  const auto snapshot = table->snapshot();
  auto other = machine();
  expect(bool(other->restore(snapshot)));
  expect(other->snapshot() == snapshot);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0] % 6) {
    case 0:
      value<storage::command>(bytes);
      break;
    case 1:
      value<storage::question>(bytes);
      break;
    case 2:
      value<storage::reply>(bytes);
      break;
    case 3:
      restored(bytes);
      break;
    case 4:
      applied_in_order(bytes);
      break;
    default: {
      sessions::table t{std::make_unique<storage::map_machine>()};
      if (!t.restore(bytes)) break;
      sessions::table other{std::make_unique<storage::map_machine>()};
      expect(bool(other.restore(t.snapshot())));
      expect(other.snapshot() == t.snapshot());
    }
  }
  return 0;
}
