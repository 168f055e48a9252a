#include "actors/mapreduce/split_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fcntl.h>
namespace troupe::mapreduce {
namespace {
constexpr std::size_t chunk_bytes = 256 << 10;
constexpr std::uint64_t large = 4 << 20;  // worth telling the kernel how it is read
}  // namespace

std::uint64_t record_max(const job_spec& spec) {
  const auto found = spec.settings.find("troupe.record_bytes_max");
  if (found == spec.settings.end()) return record_max_default;
  std::uint64_t bytes = 0;
  const auto& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc{} || end != text.data() + text.size() || bytes == 0)
    throw task_error{"troupe.record_bytes_max is '" + text +
                     "'; it must be a number of bytes above 0"};
  return bytes;
}

split_reader::split_reader(const job_class& job, const task_code& code, reading what)
    : format_{job.format}, what_{std::move(what)}, buffer_(chunk_bytes + block_slack) {
  for (int c = 0; c < 256; ++c)
    separators_[static_cast<std::size_t>(c)] =
        format_ == records::lines
            ? c == '\n'
            : format_ == records::blocks && code.separator(static_cast<char>(c));
}

bool split_reader::skip(std::uint64_t offset) {
  if (skips_.count(offset) == 0) return false;
  ++skipped_;
  return true;
}

bool split_reader::next(block& to) {
  if (what_.check) what_.check(bytes_);  // the block before is done
  for (;;) {
    if (file_ && next_in_piece(to)) {
      bytes_ += static_cast<std::uint64_t>(to.end - to.begin);
      at = to.offset;
      block_end_ = begin_offset();
      return true;
    }
    if (!open_next()) return false;
  }
}

void split_reader::tick() {
  if (what_.check) what_.check(bytes_ - std::min(bytes_, block_end_ - std::min(block_end_, at)));
}

// Another size or time means another content, be it that nodes see different files.
void split_reader::check_unchanged(const piece& p) const {
  const auto [size, changed] = file_.state();
  if ((p.size == 0 || p.size == size) && (p.changed == 0 || p.changed == changed)) return;
  throw task_error{
      path_ + " is not what the job's master saw (" + std::to_string(p.size) + " bytes then, " +
      std::to_string(size) +
      " bytes here and now): all nodes must see the same files, and inputs must not change while "
      "a job runs"};
}

bool split_reader::open_next() {
  file_ = file{};
  if (piece_ == what_.input.pieces.size()) return false;
  const auto& p = what_.input.pieces[piece_++];
  path_ = p.path;
  at = p.offset;
  file_ = file::open(path_);
  check_unchanged(p);
  if (p.length > large)
    ::posix_fadvise(file_.descriptor(), static_cast<off_t>(p.offset), static_cast<off_t>(p.length),
                    POSIX_FADV_SEQUENTIAL);
  skips_.clear();
  for (const auto& s : what_.skip)
    if (s.path == path_) skips_.insert(s.offset);
  begin_ = filled_ = 0;
  end_offset_ = p.offset;
  piece_end_ = p.offset + p.length;
  if (p.offset > 0) find_first_record();
  return true;
}

// Behind the first separator at offset - 1 or later. What comes before it belongs to the piece
// before.
void split_reader::find_first_record() {
  if (format_ == records::files) {
    end_offset_ = piece_end_;
    return;
  }
  --end_offset_;
  while (begin_offset() < piece_end_) {
    if (!read_more()) {
      begin_ = filled_;
      return;
    }
    const auto found = std::find_if(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                                    buffer_.begin() + static_cast<std::ptrdiff_t>(filled_),
                                    [this](char c) { return separates(c); });
    begin_ = static_cast<std::size_t>(found - buffer_.begin());
    if (begin_ < filled_) {
      ++begin_;
      return;
    }
  }
}

bool split_reader::read_more() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, filled_ - begin_);
    filled_ -= begin_;
    begin_ = 0;
  }
  if (filled_ == buffer_.size() - block_slack) {
    const auto most = std::max<std::uint64_t>(what_.record_max, chunk_bytes);
    if (filled_ >= most)
      throw task_error{"a record of " + path_ + " at offset " + std::to_string(begin_offset()) +
                       " is longer than " + std::to_string(most) +
                       " bytes: raise troupe.record_bytes_max"};
    buffer_.resize(std::min<std::uint64_t>(2 * filled_, most) + block_slack);
  }
  auto wanted = buffer_.size() - block_slack - filled_;
  // not beyond the piece, whose last byte may well end its last record
  if (end_offset_ < piece_end_)
    wanted = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, piece_end_ - end_offset_));
  const auto got = file_.read_some(buffer_.data() + filled_, wanted, end_offset_);
  if (got == 0 && end_offset_ < piece_end_)
    throw task_error{
        path_ +
        " is shorter than when the job was planned: inputs must not change while a job runs"};
  filled_ += got;
  end_offset_ += got;
  return got > 0;
}

// Where the next block ends in the buffer; begin_: not in there yet.
std::size_t split_reader::block_end(bool at_file_end) const {
  const char* const data = buffer_.data();
  const auto first_from = [&](std::size_t from) {
    for (auto i = from; i < filled_; ++i)
      if (separates(data[i])) return i + 1;
    return at_file_end ? filled_ : begin_;
  };
  if (format_ == records::files) return at_file_end ? filled_ : begin_;
  if (what_.single_records) return first_from(begin_);
  if (end_offset_ >= piece_end_) {
    const auto behind = static_cast<std::size_t>(end_offset_ - piece_end_);
    return first_from(std::max(begin_, filled_ - behind - 1));
  }
  for (auto i = filled_; i > begin_; --i)
    if (separates(data[i - 1])) return i;
  return begin_;
}

bool split_reader::next_in_piece(block& to) {
  if (begin_offset() >= piece_end_) return false;
  bool more = true;
  auto end = begin_ < filled_ ? block_end(false) : begin_;
  while (end == begin_) {
    if (!more) return false;
    more = read_more();
    end = block_end(!more);
  }
  to = {.begin = buffer_.data() + begin_,
        .end = buffer_.data() + end,
        .file = path_,
        .offset = begin_offset(),
        .some_skipped = !skips_.empty()};
  begin_ = end;
  return true;
}
}  // namespace troupe::mapreduce
