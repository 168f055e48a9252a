#include "runtime/journal/recovery.hpp"

#include "runtime/journal/memory.hpp"
#include "runtime/log.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace troupe::journal {
namespace fs = std::filesystem;
namespace {
database::settings settings_for(const store_options& options, const directory& place) {
  return {place.path(), options.write_buffer, options.faults};
}

result<void, failure> make(recovered& all, const store_options& options) {
  if (options.node.empty() || options.node.find('\n') != options.node.npos ||
      options.cluster.find('\n') != options.cluster.npos)
    return unexpected{failure{cause::broken, "a journal needs the name of its node, in one line"}};
  if (auto begun = all.place.begin_making(); !begun) return begun;
  auto opened = database::open(settings_for(options, all.place), database::purpose::make);
  if (!opened) return unexpected{std::move(opened.error())};
  all.data = std::move(*opened);
  all.of = {.node = options.node, .cluster = options.cluster, .life = fresh_life()};
  return all.place.end_making(all.of);
}

result<void, failure> shorten(const fs::path& file, std::uint64_t to) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  const bool done = fd >= 0 && ::ftruncate(fd, static_cast<off_t>(to)) == 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!done) return unexpected{system_failure(error, "cut the end of", file.string())};
  return {};
}

result<std::string, failure> cut_off(const fs::path& file, std::uint64_t at) {
  std::ifstream in{file, std::ios::binary};
  in.seekg(static_cast<std::streamoff>(at));
  std::string tail{std::istreambuf_iterator<char>{in}, {}};
  in.close();
  if (auto done = shorten(file, at); !done) return unexpected{std::move(done.error())};
  return tail;
}

// The tail is cut, and put back where it turns out to have been acknowledged.
result<void, failure> cut_torn(const recovered& all, const store_options& options,
                               const log_scan& logs) {
  auto tail = cut_off(logs.file, logs.offset);
  if (!tail) return unexpected{std::move(tail.error())};
  std::optional<failure> refused;
  {
    auto looked = database::open(settings_for(options, all.place), database::purpose::look);
    if (!looked)
      refused = looked.error();
    else
      refused = end_is_missing(all.place, all.of, (*looked)->last());
  }
  if (!refused && !all.place.acknowledged(all.of.life))
    refused =
        damaged(cause::corrupted,
                logs.file.string() + " is bad from byte " + std::to_string(logs.offset) + " on (" +
                    logs.why + "), and " + (all.place.path() / "acknowledged").string() +
                    ", which says whether that was ever acknowledged, cannot be read",
                all.place.path());
  if (refused) {
    std::ofstream back{logs.file, std::ios::binary | std::ios::app};
    back << *tail;
    return unexpected{*refused};
  }
  log::warn("journal", "the torn end of a log was cut: nothing of it was acknowledged",
            {{"file", logs.file.string()}, {"offset", logs.offset}, {"bytes", tail->size()}});
  return {};
}
}  // namespace

std::uint64_t fresh_life() {
  std::random_device source;
  std::uint64_t life = 0;
  while (life == 0) life = std::uint64_t{source()} << 32 | source();
  return life;
}

result<log_scan, std::string> scan_kept_logs(const directory& place) {
  auto logs = scan_logs(place.database());
  if (!logs || logs->end != log_end::damaged) return logs;
  const auto looked = database::open({.directory = place.path()}, database::purpose::look);
  return looked ? scan_logs(place.database(), (*looked)->oldest_log()) : logs;
}

result<void, failure> cut_room(const log_scan& logs) {
  for (const auto& [file, from] : logs.room)
    if (auto cut = shorten(file, from); !cut) return cut;
  return {};
}

std::optional<failure> damage_of(const directory& place, const log_scan& logs) {
  if (logs.end != log_end::damaged) return {};
  return damaged(cause::corrupted,
                 logs.file.string() + " is damaged at byte " + std::to_string(logs.offset) + ": " +
                     logs.why + ", and what was written later follows",
                 place.path());
}

std::optional<failure> end_is_missing(const directory& place, const identity& of,
                                      std::uint64_t last) {
  const auto mark = place.acknowledged(of.life);
  if (!mark || last >= *mark) return {};
  return damaged(cause::corrupted,
                 "the end of the journal " + place.path().string() +
                     " is missing: it was acknowledged up to write " + std::to_string(*mark) +
                     ", and write " + std::to_string(last) + " is the last one that can be read",
                 place.path());
}

result<recovered, failure> recover(const store_options& options) {
  auto taken = directory::take(options.directory, directory::purpose::use);
  if (!taken) return unexpected{std::move(taken.error())};
  recovered all{std::move(*taken)};
  if (all.place.unmade()) {
    if (auto made = make(all, options); !made) return unexpected{std::move(made.error())};
  } else {
    const auto of = all.place.read_identity();
    if (!of) return unexpected{of.error()};
    all.of = *of;
    if (auto fits = check_owner(all.of, options.node, options.cluster, all.place.path().string());
        !fits)
      return unexpected{std::move(fits.error())};
    const auto logs = scan_kept_logs(all.place);
    if (!logs) return unexpected{damaged(cause::missing, logs.error(), all.place.path())};
    if (const auto bad = damage_of(all.place, *logs)) return unexpected{*bad};
    if (logs->end == log_end::torn) {
      if (auto cut = cut_torn(all, options, *logs); !cut) return unexpected{std::move(cut.error())};
    } else if (logs->last > 0) {
      if (const auto gone = end_is_missing(all.place, all.of, logs->last)) return unexpected{*gone};
    }
    if (auto cut = cut_room(*logs); !cut) return unexpected{std::move(cut.error())};
    auto opened = database::open(settings_for(options, all.place), database::purpose::use);
    if (!opened) return unexpected{std::move(opened.error())};
    all.data = std::move(*opened);
    if (const auto gone = end_is_missing(all.place, all.of, all.data->last()))
      return unexpected{*gone};
    if (!options.cluster.empty() && all.of.cluster.empty()) {
      all.of.cluster = options.cluster;
      if (auto noted = all.place.write_identity(all.of); !noted)
        return unexpected{std::move(noted.error())};
    }
  }
  if (auto opened = all.place.open_mark(); !opened) return unexpected{std::move(opened.error())};
  all.place.acknowledge(all.of.life, all.data->last());
  return all;
}
}  // namespace troupe::journal
