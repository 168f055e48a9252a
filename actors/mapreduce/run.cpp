#include "actors/mapreduce/run.hpp"

#include "actors/mapreduce/task_code.hpp"

#include <algorithm>
#include <limits>
namespace troupe::mapreduce {
namespace {
char* put_length(char* to, std::uint64_t n) {
  for (; n >= 0x80; n >>= 7) *to++ = static_cast<char>(n | 0x80);
  *to++ = static_cast<char>(n);
  return to;
}
// nullptr: there is none
const char* get_length(const char* from, const char* end, std::uint64_t& n) {
  if (from < end && static_cast<unsigned char>(*from) < 0x80) {
    n = static_cast<unsigned char>(*from);
    return from + 1;
  }
  n = 0;
  for (unsigned shift = 0; from < end && shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(*from++);
    n |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return from;
  }
  return nullptr;
}
std::uint32_t short_sum(std::string_view payload) {
  return static_cast<std::uint32_t>(checksum_of(payload));
}
}  // namespace

void run_writer::add(std::string_view key, std::string_view value) {
  char lengths[20];
  char* end = put_length(put_length(lengths, key.size()), value.size());
  const auto needed = static_cast<std::size_t>(end - lengths) + key.size() + value.size();
  if (needed > std::numeric_limits<std::uint32_t>::max() - run_block_bytes)
    throw task_error{"a record of " + std::to_string(needed) +
                     " bytes is too large: key and value together must stay under 4 GiB"};
  if (block_.size() > header && block_.size() + needed > run_block_bytes) flush();
  block_.append(lengths, end);
  block_.append(key);
  block_.append(value);
  ++records_;
}

void run_writer::flush() {
  const auto payload = std::string_view{block_}.substr(header);
  const auto bytes = static_cast<std::uint32_t>(payload.size());
  const auto sum = short_sum(payload);
  std::memcpy(block_.data(), &bytes, 4);
  std::memcpy(block_.data() + 4, &sum, 4);
  sum_.add(block_);
  to_.append(block_);
  block_.resize(header);
  if (block_.capacity() > 4 * run_block_bytes) block_.shrink_to_fit();
}

segment run_writer::finish() {
  if (block_.size() > header) flush();
  return {.offset = start_,
          .bytes = to_.offset() - start_,
          .records = records_,
          .checksum = sum_.value()};
}

run_reader::run_reader(const file& from, std::vector<extent> extents)
    : file_{&from}, extents_{std::move(extents)} {
  for (const auto& e : extents_) left_ += e.bytes;
}

void run_reader::damaged(const char* how) const {
  throw task_error{"map output " +
                   (file_ != nullptr ? "in " + file_->path() + " " : std::string{}) +
                   "is damaged: " + how};
}

void run_reader::fill(char* to, std::size_t bytes) {
  if (bytes > left_) damaged("it ends within a block");
  left_ -= bytes;
  while (bytes > 0) {
    auto& e = extents_[extent_];
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, e.bytes));
    file_->read(to, here, e.offset);
    e.offset += here;
    e.bytes -= here;
    to += here;
    bytes -= here;
    if (e.bytes == 0) ++extent_;
  }
}

bool run_reader::next_block() {
  std::uint32_t bytes = 0, sum = 0;
  char header[8];
  if (file_ != nullptr) {
    if (left_ == 0) return false;
    fill(header, sizeof header);
  } else {
    if (memory_.empty()) return false;
    if (memory_.size() < sizeof header) damaged("it ends within a block");
    std::memcpy(header, memory_.data(), sizeof header);
    memory_.remove_prefix(sizeof header);
  }
  std::memcpy(&bytes, header, 4);
  std::memcpy(&sum, header + 4, 4);
  if (bytes > (file_ != nullptr ? left_ : memory_.size())) damaged("it ends within a block");
  if (file_ != nullptr) {
    if (buffer_.size() < bytes ||
        buffer_.size() > std::max<std::size_t>(bytes, 4 * run_block_bytes)) {
      buffer_ = {};
      buffer_.resize(std::max<std::size_t>(bytes, run_block_bytes));
    }
    fill(buffer_.data(), bytes);
    at_ = buffer_.data();
  } else {
    at_ = memory_.data();
    memory_.remove_prefix(bytes);
  }
  end_ = at_ + bytes;
  if (short_sum({at_, bytes}) != sum) damaged("a block does not match its checksum");
  if (bytes == 0) damaged("a block is empty");
  return true;
}

bool run_reader::next() {
  if (at_ == end_ && !next_block()) return false;
  std::uint64_t key = 0, value = 0;
  const char* p = get_length(at_, end_, key);
  if (p != nullptr) p = get_length(p, end_, value);
  if (p == nullptr) damaged("a record's length cannot be read");
  const auto left = static_cast<std::uint64_t>(end_ - p);
  if (key > left || value > left - key) damaged("a record is longer than its block");
  key_ = {p, static_cast<std::size_t>(key)};
  value_ = {p + key, static_cast<std::size_t>(value)};
  at_ = p + key + value;
  return true;
}

std::vector<merger::cursor> merger::cursors(std::vector<std::unique_ptr<run_reader>> runs) {
  std::vector<cursor> made;
  for (auto& run : runs) made.emplace_back(std::move(run));
  return made;
}

merger::merger(std::vector<std::unique_ptr<run_reader>> runs) : tree_{cursors(std::move(runs))} {}

bool merger::next() {
  if (std::exchange(started_, true) && !tree_.done()) tree_.next();
  if (tree_.done()) return false;
  bytes_ += key().size() + value().size() + 2;
  return true;
}
}  // namespace troupe::mapreduce
