#include "runtime/journal/log_files.hpp"

#include "patterns/link/crc32c.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

namespace troupe::journal {
namespace fs = std::filesystem;
namespace {
constexpr std::size_t block = 32'768, head = 7, write_head = 12;
enum kind : std::uint8_t { zero, whole, first, middle, last };

template <class Integer>
Integer get(std::string_view from, std::size_t at) {
  Integer value{};
  std::memcpy(&value, from.data() + at, sizeof value);
  return value;
}
std::uint32_t masked(std::uint32_t sum) { return ((sum >> 15) | (sum << 17)) + 0xa282ead8U; }

struct piece {
  kind what = zero;
  std::string_view bytes{};
};
// The piece at this place, or what is wrong there.
result<piece, std::string> piece_at(std::string_view log, std::size_t at) {
  const auto room = std::min(block - at % block, log.size() - at);
  if (room < head) return unexpected{std::string{"it ends within a record's head"}};
  const auto length = get<std::uint16_t>(log, at + 4);
  const auto what = static_cast<std::uint8_t>(log[at + 6]);
  if (length > room - head)
    return unexpected{std::string{at + head + length > log.size() ? "it ends within a record"
                                                                  : "a record's length is wrong"}};
  if (what < whole || what > last) return unexpected{std::string{"what is there is no record"}};
  if (get<std::uint32_t>(log, at) != masked(crc32c(log.substr(at + 6, 1 + std::size_t{length}))))
    return unexpected{std::string{"a record's checksum is wrong"}};
  return piece{static_cast<kind>(what), log.substr(at + head, length)};
}

// The first bytes of the write whose first piece this is: at a block's end that piece may be shorter than they are.
std::string write_head_at(std::string_view log, std::size_t at, const piece& begin) {
  std::string bytes{begin.bytes.substr(0, write_head)};
  if (begin.what != first || bytes.size() == write_head) return bytes;
  const auto next = at + head + begin.bytes.size();
  if (next >= log.size()) return bytes;
  if (const auto more = piece_at(log, next); more && (more->what == middle || more->what == last))
    bytes += more->bytes.substr(0, write_head - bytes.size());
  return bytes;
}

// Whether a write numbered `from` or higher begins anywhere from here on.
bool begins_behind(std::string_view log, std::size_t at, std::uint64_t from) {
  const auto may_be = [&](std::uint64_t number) {  // chance seldom gives such a number
    return number >= from && number - from <= (std::uint64_t{1} << 40);
  };
  for (; at + head <= log.size(); ++at) {
    const auto what = static_cast<std::uint8_t>(log[at + 6]);
    if (what != whole && what != first) continue;
    const bool cut = block - at % block < head + write_head;
    if (!cut &&
        (at + head + write_head > log.size() || !may_be(get<std::uint64_t>(log, at + head))))
      continue;
    const auto found = piece_at(log, at);
    if (!found) continue;
    const auto begun = write_head_at(log, at, *found);
    if (begun.size() == write_head && may_be(get<std::uint64_t>(begun, 0))) return true;
  }
  return false;
}

std::optional<std::string> bytes_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::stringstream all;
  if (!in) return {};
  if (in.peek() != std::ifstream::traits_type::eof()) all << in.rdbuf();
  if (in.bad()) return {};
  return std::move(all).str();
}
}  // namespace

log_file_scan scan_log(std::string_view bytes, std::uint64_t expected) {
  log_file_scan found{.next = expected};
  std::size_t at = 0;
  bool within = false;  // a write that goes on
  std::uint64_t number = 0, changes = 0;
  const auto bad = [&](std::string why) {
    found.why = std::move(why);
    // the write that is bad itself would be `next`; behind the place of its beginning only later ones count
    found.more = begins_behind(
        bytes, static_cast<std::size_t>(found.good_end) + (within ? head : 1), found.next + 1);
    return found;
  };
  while (at < bytes.size()) {
    const auto left = block - at % block;
    if (left < head) {  // a block's end, in zeros
      at += std::min(left, bytes.size() - at);
      if (!within) found.good_end = at;
      continue;
    }
    auto one = piece_at(bytes, at);
    if (!one && !within && bytes.find_first_not_of('\0', at) == bytes.npos) {
      found.room = bytes.size() - found.good_end;
      return found;
    }
    if (!one) return bad(std::move(one.error()));
    const bool begins = one->what == whole || one->what == first;
    if (begins == within) return bad("a record's parts are not together");
    if (begins) {
      const auto begun = write_head_at(bytes, at, *one);
      if (begun.size() < write_head) return bad("it ends within a record");
      number = get<std::uint64_t>(begun, 0);
      changes = get<std::uint32_t>(begun, 8);
      if (found.next != 0 && number != found.next) {
        found.why = "write " + std::to_string(found.next) +
                    " is not there: " + std::to_string(number) + " follows";
        found.more = true;
        return found;
      }
    }
    at += head + one->bytes.size();
    within = one->what == first || one->what == middle;
    if (within) continue;
    if (found.first == 0) found.first = number;
    found.next = number + changes;
    found.good_end = at;
  }
  return within ? bad("it ends within a record") : found;
}

result<log_scan, std::string> scan_logs(const fs::path& database, std::uint64_t from) {
  std::map<std::uint64_t, fs::path> files;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator{database, failed})
    if (const auto number = std::strtoull(entry.path().stem().c_str(), nullptr, 10);
        entry.path().extension() == ".log" && number >= from)
      files[number] = entry.path();
  if (failed) return unexpected{"cannot read " + database.string() + ": " + failed.message()};
  log_scan all;
  std::uint64_t next = 0;
  for (const auto& [number, file] : files) {
    const auto bytes = bytes_of(file);
    if (!bytes) return unexpected{"cannot read " + file.string()};
    if (all.end == log_end::torn) {  // what follows a torn tail: nothing, or it was none
      if (begins_behind(*bytes, 0, next + 1)) {
        all.end = log_end::damaged;
        return all;
      }
      continue;
    }
    auto one = scan_log(*bytes, next);
    if (one.next != 0) {
      next = one.next;
      all.last = next - 1;
    }
    if (one.room > 0) all.room[file] = one.good_end;
    if (one.why.empty()) continue;
    all.end = one.more ? log_end::damaged : log_end::torn;
    all.file = file;
    all.offset = one.good_end;
    all.behind = bytes->size() - one.good_end;
    all.why = std::move(one.why);
    if (one.more) return all;
  }
  return all;
}
}  // namespace troupe::journal
