#include "actors/mapreduce/map_buffer.hpp"

#include "patterns/mapreduce/partition.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
namespace troupe::mapreduce {
namespace {
constexpr std::uint64_t memory_min = 16 << 10;
constexpr std::uint64_t memory_max = std::uint64_t{3} << 30;  // offsets in the buffer have 32 bits
constexpr std::size_t record_header = 8;
constexpr std::size_t fan_in_max = 256;
}  // namespace

void combining_writer::add(std::string_view key, std::string_view value) {
  if (code_ == nullptr) return to_.add(key, value);
  if (pending_ && key == key_) return code_->combine(value_, value);
  if (pending_) to_.add(key_, value_);
  key_.assign(key);
  value_.assign(value);
  pending_ = true;
}

segment combining_writer::finish() {
  if (std::exchange(pending_, false)) to_.add(key_, value_);
  return to_.finish();
}

map_buffer::map_buffer(const job_class& job, task_code& code, map_buffer_settings settings)
    : job_{job}, code_{code}, settings_{std::move(settings)} {
  settings_.memory = std::clamp(settings_.memory, memory_min, memory_max) & ~std::uint64_t{15};
  if (job_.in_place) return;
  // untouched pages cost nothing, so the whole bound is reserved at once
  memory_.reset(static_cast<char*>(std::malloc(settings_.memory)));
  if (memory_ == nullptr)
    throw task_error{"there is no memory for a map's buffer of " +
                     std::to_string(settings_.memory) + " bytes: lower the job's memory bound"};
}

map_buffer::~map_buffer() {
  if (!finished_) remove_file(settings_.path + ".out");
}

std::uint32_t map_buffer::part_of(std::string_view key) {
  if (job_.parts == partitioning::own) {
    const auto part = code_.partition(key, settings_.parts);
    if (part < settings_.parts) return part;
    throw task_error{"the job's partition() returned " + std::to_string(part) + " of " +
                     std::to_string(settings_.parts) + " parts; it must stay below"};
  }
  if (job_.parts == partitioning::hash) return hash_partition(key, settings_.parts);
  return std::min(range_partition(settings_.cuts, key), settings_.parts - 1);
}

// ---- records that are not combined in place -----------------------------------------------------

map_buffer::entry* map_buffer::first_entry() const {
  return reinterpret_cast<entry*>(memory_.get() + settings_.memory) - entries_;
}

std::string_view map_buffer::key_at(const entry& e) const {
  std::uint32_t size = 0;
  std::memcpy(&size, memory_.get() + e.offset, 4);
  return {memory_.get() + e.offset + record_header, size};
}

std::string_view map_buffer::value_at(const entry& e) const {
  std::uint32_t size = 0;
  std::memcpy(&size, memory_.get() + e.offset + 4, 4);
  const auto key = key_at(e);
  return {key.data() + key.size(), size};
}

void map_buffer::guarded(const std::function<void()>& step) {
  if (failed_) std::rethrow_exception(failed_);
  try {
    step();
  } catch (...) {
    failed_ = std::current_exception();
    throw;
  }
}

void map_buffer::add(std::string_view key, std::string_view value) {
  ++emitted;
  const auto needed = record_header + key.size() + value.size() + sizeof(entry);
  if (used_ + entries_ * sizeof(entry) + needed <= settings_.memory) [[likely]]
    return append(key, value);
  guarded([&] {
    if (!empty()) spill();
    if (needed <= settings_.memory) return append(key, value);
    // larger than the whole buffer: a run of its own
    runs single(settings_.parts);
    const auto part = part_of(key);
    if (spill_writer_ == nullptr) spill();
    for (std::uint32_t p = 0; p < settings_.parts; ++p) {
      run_writer to{*spill_writer_};
      if (p == part) to.add(key, value);
      single[p] = to.finish();
    }
    ++spilled_;
    spills_.push_back(std::move(single));
  });
}

void map_buffer::append(std::string_view key, std::string_view value) {
  const entry e{key_prefix(key), static_cast<std::uint32_t>(used_), part_of(key)};
  const auto sizes =
      static_cast<std::uint64_t>(key.size()) | static_cast<std::uint64_t>(value.size()) << 32;
  char* to = memory_.get() + used_;
  std::memcpy(to, &sizes, 8);
  std::memcpy(to + record_header, key.data(), key.size());
  if (!value.empty()) std::memcpy(to + record_header + key.size(), value.data(), value.size());
  used_ += record_header + key.size() + value.size();
  ++entries_;
  *first_entry() = e;
}

void map_buffer::for_each_entry(const sorted_record& f) {
  entry* const begin = first_entry();
  std::sort(begin, begin + entries_, [this](const entry& a, const entry& b) {
    if (a.part != b.part) return a.part < b.part;
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const int order = key_at(a).compare(key_at(b));
    return order != 0 ? order < 0 : a.offset < b.offset;
  });
  for (auto* e = begin; e != begin + entries_; ++e) f(e->part, key_at(*e), value_at(*e));
}

// ---- records that are combined in place ---------------------------------------------------------

void map_buffer::add_cell(combining_table::cell& empty, const hashed_key& key, std::uint64_t bits) {
  if (table_.used() > 0 && table_.bytes_with(key) + sort_bytes() > settings_.memory) {
    guarded([&] { spill(); });
    return table_.fill(table_.find(key), key, bits);
  }
  if (!table_.wants_room()) return table_.fill(empty, key, bits);
  table_.grow();
  table_.fill(table_.find(key), key, bits);
}

namespace {
struct place {
  std::uint64_t prefix;
  std::uint32_t cell;
  std::uint32_t part;
};
}  // namespace

// What for_each_cell will need.
std::size_t map_buffer::sort_bytes() const { return (table_.used() + 1) * sizeof(place); }

void map_buffer::for_each_cell(const sorted_record& f) {
  std::vector<place> places;
  places.reserve(table_.used());
  for (std::uint32_t i = 0; i < table_.cells(); ++i) {
    if (table_.at(i).where == 0) continue;
    const auto key = table_.key_of(table_.at(i));
    places.push_back({key_prefix(key), i, part_of(key)});
  }
  std::sort(places.begin(), places.end(), [&](const place& a, const place& b) {
    if (a.part != b.part) return a.part < b.part;
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    return table_.key_of(table_.at(a.cell)) < table_.key_of(table_.at(b.cell));
  });
  for (const auto& p : places) {
    const auto& c = table_.at(p.cell);
    const auto key = table_.key_of(c);
    f(p.part, key, {reinterpret_cast<const char*>(&c.value), job_.value_bytes});
  }
}

// ---- spilling and merging -----------------------------------------------------------------------

map_buffer::runs map_buffer::write_sorted(file_writer& to) {
  runs written(settings_.parts);
  std::uint32_t part = 0;
  auto run = std::make_unique<run_writer>(to);
  auto combined =
      std::make_unique<combining_writer>(*run, job_.combines && !job_.in_place ? &code_ : nullptr);
  const auto finish_to = [&](std::uint32_t end) {
    while (part < end) {
      written[part++] = combined->finish();
      run = std::make_unique<run_writer>(to);
      combined = std::make_unique<combining_writer>(
          *run, job_.combines && !job_.in_place ? &code_ : nullptr);
    }
  };
  const sorted_record write = [&](std::uint32_t p, std::string_view key, std::string_view value) {
    tick(key.size() + value.size());
    finish_to(p);
    combined->add(key, value);
  };
  if (job_.in_place) {
    for_each_cell(write);
  } else {
    for_each_entry(write);
  }
  finish_to(settings_.parts);
  clear();
  return written;
}

void map_buffer::tick(std::size_t bytes) {
  worked_ += bytes;
  if (pace_.due() && settings_.check) settings_.check(worked_);
}

void map_buffer::clear() {
  table_.clear();
  used_ = 0;
  entries_ = 0;
}

void map_buffer::spill() {
  if (spill_writer_ == nullptr) {
    spill_file_ = file::scratch(settings_.path + ".spill");
    spill_writer_ = std::make_unique<file_writer>(spill_file_);
  }
  if (empty()) return;
  may_fail(failpoint::spill_write, settings_.path + ".spill");
  spills_.push_back(write_sorted(*spill_writer_));
  for (const auto& s : spills_.back()) spilled_ += s.records;
}

std::size_t map_buffer::fan_in() const {
  return std::clamp<std::size_t>(settings_.memory / (2 * run_block_bytes), 4, fan_in_max);
}

segment map_buffer::merge(const std::vector<runs>& from, std::size_t begin, std::size_t end,
                          std::uint32_t part, file_writer& to) {
  std::vector<std::unique_ptr<run_reader>> readers;
  for (auto i = begin; i < end; ++i)
    if (from[i][part].bytes > 0)
      readers.push_back(
          std::make_unique<run_reader>(spill_file_, from[i][part].offset, from[i][part].bytes));
  merger merged{std::move(readers)};
  run_writer run{to};
  combining_writer out{run, job_.combines ? &code_ : nullptr};
  while (merged.next()) {
    tick(merged.key().size() + merged.value().size());
    out.add(merged.key(), merged.value());
  }
  return out.finish();
}

// Only neighbours are merged with each other, so that equal keys keep their order.
void map_buffer::merge_spills() {
  while (spills_.size() > fan_in()) {
    std::vector<runs> next;
    for (std::size_t begin = 0; begin < spills_.size(); begin += fan_in()) {
      const auto end = std::min(begin + fan_in(), spills_.size());
      runs merged(settings_.parts);
      for (std::uint32_t part = 0; part < settings_.parts; ++part) {
        merged[part] = merge(spills_, begin, end, part, *spill_writer_);
        spilled_ += merged[part].records;
      }
      next.push_back(std::move(merged));
    }
    spills_ = std::move(next);
  }
}

map_output map_buffer::finish() {
  map_output out{.file = settings_.path + ".out", .segments = {}};
  guarded([&] {
    may_fail(failpoint::map_output_create, out.file);
    auto to = file::create(out.file);
    file_writer writer{to};
    if (spills_.empty()) {
      out.segments = write_sorted(writer);
    } else {
      if (!empty()) spill();
      memory_.reset();
      merge_spills();
      for (std::uint32_t part = 0; part < settings_.parts; ++part)
        out.segments.push_back(merge(spills_, 0, spills_.size(), part, writer));
    }
    may_fail(failpoint::map_output_written, out.file);
    to.close();
    finished_ = true;
  });
  return out;
}
}  // namespace troupe::mapreduce
