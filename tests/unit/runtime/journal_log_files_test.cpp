// RocksDB's log format, written here by hand: every place where a block may end within a write.
#include "patterns/link/crc32c.hpp"
#include "runtime/journal/log_files.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include <doctest/doctest.h>

namespace troupe::journal {
namespace {
constexpr std::size_t block = 32'768;
template <class Integer>
std::string little(Integer value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}
void put_piece(std::string& log, int kind, const std::string& bytes) {
  const auto content = static_cast<char>(kind) + bytes;
  const auto sum = crc32c(content);
  log += little(static_cast<std::uint32_t>(((sum >> 15) | (sum << 17)) + 0xa282ead8U)) +
         little(static_cast<std::uint16_t>(bytes.size())) + content;
}
void put_write(std::string& log, std::uint64_t number, std::uint32_t changes, std::size_t size) {
  auto rest = little(number) + little(changes) + std::string(size, 'w');
  for (bool begun = false;; begun = true) {
    if (const auto left = block - log.size() % block; left < 7) log.append(left, '\0');
    const auto part = std::min(block - log.size() % block - 7, rest.size());
    const bool ends = part == rest.size();
    put_piece(log, ends ? (begun ? 4 : 1) : (begun ? 3 : 2), rest.substr(0, part));
    rest.erase(0, part);
    if (ends) return;
  }
}

TEST_CASE("journal log files: a block that ends anywhere within a write's head") {
  for (std::size_t left = 0; left <= 40; ++left) {
    CAPTURE(left);
    std::string log;
    put_write(log, 1, 2, block - 19 - left);
    const auto second = log.size();
    put_write(log, 3, 1, 100);
    const auto third = log.size();
    put_write(log, 4, 5, 2 * block);
    const auto sound = scan_log(log);
    CHECK(sound.why == "");
    CHECK(sound.first == 1);
    CHECK(sound.next == 9);
    CHECK(sound.good_end == log.size());
    for (auto size = second + 1; size < third; ++size) {
      CAPTURE(size);
      const auto torn = scan_log(std::string_view{log}.substr(0, size));
      CHECK_FALSE(torn.more);
      CHECK(torn.next == 3);
      CHECK(torn.good_end <= size);
      CHECK(torn.good_end >= second);
    }
    // any bad byte of a write with a later one behind it is damage, and so of the one that only the next block shows
    for (auto at = second; at < third; ++at) {
      auto bad = log;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      const auto found = scan_log(bad);
      if (found.why.empty()) continue;  // the zeros at a block's end
      CAPTURE(at);
      CHECK(found.more);
      CHECK(found.next == 3);
    }
  }
}

TEST_CASE("journal log files: zeros to the end are room, wherever a write ends or is torn") {
  for (std::size_t left = 0; left <= 20; ++left) {
    std::string log;
    put_write(log, 1, 2, block - 19 - left);
    const auto first = log.size();
    put_write(log, 3, 1, 100);
    const auto second = log.size();
    for (const std::size_t room : {1, 6, 7, 8, 100, 40'000}) {
      CAPTURE(left);
      CAPTURE(room);
      const auto roomy = scan_log(log + std::string(room, '\0'));
      CHECK(roomy.why == "");
      CHECK(roomy.next == 4);
      CHECK(roomy.good_end + roomy.room == second + room);
      CHECK(roomy.good_end >= second);
      for (auto size = first + 8; size < second; ++size) {  // a write of which only a part is there
        const auto torn = scan_log(log.substr(0, size) + std::string(second - size + room, '\0'));
        CAPTURE(size);
        CHECK_FALSE(torn.more);
        CHECK(torn.next == 3);
        CHECK(torn.good_end <= size);
        CHECK(torn.good_end >= first);
        if (torn.why.empty()) CHECK(torn.room > 0);
      }
    }
    // zeros with a write behind them are damage
    const auto hole = scan_log(log.substr(0, first) + std::string(second - first, '\0') + [] {
      std::string later;
      put_write(later, 9, 1, 10);
      return later;
    }());
    CHECK(hole.more);
  }
}

TEST_CASE("journal log files: a write that is not there is damage") {
  std::string log;
  put_write(log, 1, 2, 10);
  put_write(log, 4, 1, 10);
  const auto found = scan_log(log);
  CHECK(found.more);
  CHECK(found.why.find("write 3 is not there") == 0);
  CHECK(scan_log(log, 1).next == 3);
  CHECK(scan_log(log, 2).why.find("write 2 is not there") == 0);
}
}  // namespace
}  // namespace troupe::journal
