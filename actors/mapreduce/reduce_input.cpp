#include "actors/mapreduce/reduce_input.hpp"

#include "actors/mapreduce/map_buffer.hpp"

#include <algorithm>
#include <cerrno>
namespace troupe::mapreduce {
namespace {
constexpr std::uint64_t memory_min = 16 << 10;
constexpr std::size_t fan_in_max = 256;

// The segment is gone or damaged; other errors are this node's own, such as too many open files.
bool is_lost(const file_error& e) {
  return e.code() == 0 || e.code() == ENOENT || e.code() == EIO || e.code() == ESTALE;
}

std::uint64_t sum_of(const file& from, std::uint64_t offset, std::uint64_t bytes) {
  checksum sum;
  std::vector<char> buffer(std::min<std::uint64_t>(bytes, 256 << 10));
  while (bytes > 0) {
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, buffer.size()));
    from.read(buffer.data(), here, offset);
    sum.add({buffer.data(), here});
    offset += here;
    bytes -= here;
  }
  return sum.value();
}
}  // namespace

reduce_input::reduce_input(reduce_input_settings settings) : settings_{std::move(settings)} {
  settings_.memory = std::max(settings_.memory, memory_min);
}

void reduce_input::fetch(shuffle& from) {
  for (;;) {
    auto event = from.next();
    if (event.what == shuffle_event::kind::finished) return;
    if (event.what == shuffle_event::kind::ended) throw task_cancelled{};
    take(std::move(event), from);
    if (settings_.check)
      settings_.check(static_cast<std::uint32_t>(fetched_ * 500 / std::max(settings_.maps, 1u)),
                      worked_);
  }
}

void reduce_input::take(shuffle_event&& event, shuffle& from) {
  if (event.what == shuffle_event::kind::dropped) {
    const auto found = arrivals_.find(event.map);
    if (found == arrivals_.end()) return;
    in_memory_ -= found->second.memory.size();
    arrivals_.erase(found);
    return;
  }
  if (event.what == shuffle_event::kind::local) return take_local(event, from);
  worked_ += event.data.size();
  auto& a = arrivals_[event.map];
  a.records = event.part.records;
  a.bytes += event.data.size();
  in_memory_ += event.data.size();
  if (a.memory.empty()) {
    a.memory = std::move(event.data);
  } else {
    a.memory.append(event.data);
  }
  if (event.last) ++fetched_;
  if (in_memory_ > settings_.memory / 2) make_room();
}

void reduce_input::take_local(const shuffle_event& event, shuffle& from) {
  arrival a{.records = event.part.records, .bytes = event.part.bytes};
  try {
    auto f = file::open(event.file);
    if (sum_of(f, event.part.offset, event.part.bytes) != event.part.checksum)
      return from.unreadable(event.map, event.attempt);
    // read through once for its sum, it lies in the page cache: no use in a copy
    if (event.part.bytes > 0) a.extents = {{event.part.offset, event.part.bytes}};
    a.local = std::make_unique<file>(std::move(f));
  } catch (const file_error& e) {
    if (!is_lost(e)) throw;
    return from.unreadable(event.map, event.attempt);
  }
  worked_ += a.bytes;
  // many small ones would cost a descriptor each
  if (a.bytes <= settings_.memory / 16) {
    a.memory.resize(a.bytes);
    a.local->read(a.memory.data(), a.bytes, event.part.offset);
    a.extents.clear();
    a.local.reset();
    in_memory_ += a.bytes;
  }
  arrivals_[event.map] = std::move(a);
  ++fetched_;
  if (in_memory_ > settings_.memory / 2) make_room();
}

void reduce_input::make_room() {
  may_fail(failpoint::spill_write, settings_.path);
  if (spill_ == nullptr) {
    spill_file_ = file::scratch(settings_.path);
    spill_ = std::make_unique<file_writer>(spill_file_);
  }
  for (auto& [map, a] : arrivals_) {
    if (a.memory.empty()) continue;
    a.extents.push_back({spill_->offset(), a.memory.size()});
    spill_->append(a.memory);
    std::string{}.swap(a.memory);
    if (a.extents.size() == 1) spilled_ += a.records;
  }
  in_memory_ = 0;
}

std::unique_ptr<run_reader> reduce_input::reader(const arrival& a) const {
  if (!a.on_disk()) return std::make_unique<run_reader>(std::string_view{a.memory});
  return std::make_unique<run_reader>(a.local != nullptr ? *a.local : spill_file_, a.extents);
}

std::size_t reduce_input::fan_in() const {
  return std::clamp<std::size_t>(settings_.memory / (4 * run_block_bytes), 4, fan_in_max);
}

void reduce_input::merge() {
  for (auto& [map, a] : arrivals_) {
    records_ += a.records;
    bytes_ += a.bytes;
    if (a.bytes == 0) continue;
    // a run is read from one place
    if (a.on_disk() && !a.memory.empty()) make_room();
    runs_.push_back(std::move(a));
  }
  arrivals_.clear();
  merge_neighbours();
  std::vector<std::unique_ptr<run_reader>> readers;
  for (const auto& run : runs_) readers.push_back(reader(run));
  merger_ = std::make_unique<merger>(std::move(readers));
  at_ = merger_->next() ? place::group_start : place::end;
}

// Only neighbours are merged with each other, so that equal keys keep the order of their maps.
void reduce_input::merge_neighbours() {
  while (static_cast<std::size_t>(std::count_if(runs_.begin(), runs_.end(),
                                                [](auto& r) { return r.on_disk(); })) > fan_in()) {
    std::vector<arrival> next;
    for (std::size_t begin = 0; begin < runs_.size();) {
      auto end = begin;
      for (std::size_t disk = 0; end < runs_.size() && disk < fan_in(); ++end)
        disk += runs_[end].on_disk() ? 1 : 0;
      next.push_back(end - begin == 1 ? std::move(runs_[begin]) : merged(begin, end));
      begin = end;
    }
    runs_ = std::move(next);
  }
}

reduce_input::arrival reduce_input::merged(std::size_t begin, std::size_t end) {
  if (spill_ == nullptr) make_room();
  std::vector<std::unique_ptr<run_reader>> readers;
  for (auto i = begin; i < end; ++i) readers.push_back(reader(runs_[i]));
  merger from{std::move(readers)};
  run_writer run{*spill_};
  combining_writer to{run, settings_.combine};
  while (from.next()) {
    worked_ += from.key().size() + from.value().size();
    tick();
    to.add(from.key(), from.value());
  }
  const auto s = to.finish();
  spilled_ += s.records;
  for (auto i = begin; i < end; ++i) runs_[i] = {};
  return {.extents = {{s.offset, s.bytes}}, .records = s.records, .bytes = s.bytes};
}

void reduce_input::tick() {
  if (!pace_.due() || !settings_.check) return;
  const auto merged = merger_ == nullptr ? 0 : merger_->bytes_read();
  const auto done = merged * 500 / std::max<std::uint64_t>(bytes_, 1);
  settings_.check(500 + static_cast<std::uint32_t>(std::min<std::uint64_t>(done, 500)),
                  worked_ + merged);
}

bool reduce_input::next_group() {
  if (at_ == place::first_value) at_ = place::later_value;
  for (std::string_view unread; at_ == place::later_value;) next_value(unread);
  if (at_ == place::end) return false;
  tick();
  key_.assign(merger_->key());
  at_ = place::first_value;
  ++groups_;
  return true;
}

bool reduce_input::next_value(std::string_view& value) {
  if (at_ == place::later_value) {
    tick();
    if (!merger_->next()) {
      at_ = place::end;
    } else if (merger_->key() != key_) {
      at_ = place::group_start;
    }
  }
  if (at_ == place::end || at_ == place::group_start) return false;
  at_ = place::later_value;
  value = merger_->value();
  return true;
}
}  // namespace troupe::mapreduce
