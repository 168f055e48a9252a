#include "runtime/journal/inspect.hpp"
#include "runtime/journal/recovery.hpp"
#include "runtime/journal/salvage.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace troupe::journal {
namespace fs = std::filesystem;
namespace {
void say(const repair_options& options, const std::string& what) {
  if (options.say) options.say(what);
}

// DIR.before-repair-N, with the first number that is free; on disk when it returns.
result<fs::path, failure> copy_beside(const fs::path& from) {
  std::error_code failed;
  fs::path to;
  for (int n = 1; to.empty() || fs::exists(to, failed); ++n)
    to = from.string() + ".before-repair-" + std::to_string(n);
  fs::copy(from, to, fs::copy_options::recursive, failed);
  for (fs::recursive_directory_iterator at{to, failed}, end; !failed && at != end;
       at.increment(failed)) {
    const int fd = ::open(at->path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || ::fsync(fd) != 0) failed = std::error_code{errno, std::system_category()};
    if (fd >= 0) ::close(fd);
  }
  if (failed) {
    auto told = system_failure(failed.value(), "copy the journal to", to.string());
    told.sentence += "; nothing was changed";
    return unexpected{std::move(told)};
  }
  if (auto synced = sync_directory(to.parent_path()); !synced)
    return unexpected{std::move(synced.error())};
  return to;
}

// Logs end before the first bad place; those behind it go: they are in the copy.
result<void, failure> cut_logs(const directory& place, const log_scan& logs,
                               const repair_options& options) {
  if (auto cut = cut_room(logs); !cut) return cut;
  if (logs.end == log_end::whole) return {};
  say(options, "cutting " + logs.file.string() + " at byte " + std::to_string(logs.offset) + ": " +
                   logs.why + "; " + std::to_string(logs.behind) + " bytes of it go");
  std::error_code failed;
  fs::resize_file(logs.file, logs.offset, failed);
  const auto number = std::strtoull(logs.file.stem().c_str(), nullptr, 10);
  std::vector<fs::path> later;
  for (const auto& entry : fs::directory_iterator{place.database(), failed})
    if (entry.path().extension() == ".log" &&
        std::strtoull(entry.path().stem().c_str(), nullptr, 10) > number)
      later.push_back(entry.path());
  for (const auto& file : later) {
    say(options, "leaving out the later log " + file.string());
    fs::remove(file, failed);
  }
  if (failed)
    return unexpected{system_failure(failed.value(), "cut the logs of", place.path().string())};
  return {};
}

// Without its list RocksDB makes one from the tables and logs. A log whose writes are in tables already can make tables
// that contradict each other: then the tables alone have to do.
result<void, failure> rebuild(const directory& place, const fs::path& copy,
                              const repair_options& options) {
  const database::settings settings{.directory = place.path()};
  say(options, "rebuilding the list of tables");
  if (database::rebuild(settings)) return {};
  say(options, "rebuilding it without the logs: what they hold and no table does is lost");
  std::error_code failed;
  fs::remove_all(place.database(), failed);
  if (!failed) fs::copy(copy / "db", place.database(), failed);
  if (failed)
    return unexpected{
        system_failure(failed.value(), "copy the tables to", place.database().string())};
  std::vector<fs::path> logs;
  for (const auto& entry : fs::directory_iterator{place.database(), failed})
    if (entry.path().extension() == ".log") logs.push_back(entry.path());
  for (const auto& log : logs) fs::remove(log, failed);
  return database::rebuild(settings);
}

result<std::vector<salvaged>, failure> salvage_all(const directory& place, const fs::path& copy,
                                                   const repair_options& options) {
  const database::settings settings{.directory = place.path()};
  if (const auto logs = scan_kept_logs(place); logs)
    if (auto cut = cut_logs(place, *logs, options); !cut) return unexpected{std::move(cut.error())};
  auto data = database::open(settings, database::purpose::look);
  auto groups = data ? (*data)->groups()
                     : result<std::vector<std::string>, failure>{unexpected{data.error()}};
  if (!groups) {
    if (data) data->reset();
    if (auto built = rebuild(place, copy, options); !built)
      return unexpected{std::move(built.error())};
    data = database::open(settings, database::purpose::look);
    if (!data) return unexpected{std::move(data.error())};
    groups = (*data)->groups();
    if (!groups) return unexpected{std::move(groups.error())};
  }
  std::vector<salvaged> all;
  for (const auto& g : *groups) all.push_back(salvage(**data, g));
  return all;
}

result<std::uint64_t, failure> write_anew(const fs::path& where, std::vector<salvaged>& all) {
  std::error_code ignored;
  fs::remove_all(where, ignored);
  fs::create_directories(where / "db", ignored);
  auto data = database::open({.directory = where}, database::purpose::make);
  if (!data) return unexpected{std::move(data.error())};
  for (auto& [found, told] : all) {
    batch what{.replace = found.base, .restart = found.base.has_value(), .append = found.records};
    if (told.state) what.state = found.state;
    const std::vector<addressed> one{{told.name, std::move(what), told.records}};
    if (auto written = (*data)->write(one); !written) return unexpected{std::move(written.error())};
  }
  if (auto synced = (*data)->sync(); !synced) return unexpected{std::move(synced.error())};
  return (*data)->last();
}

// The new database takes the old one's place; what a crash between leaves is in the copy as well.
result<void, failure> put_in_place(const directory& place, const fs::path& fresh) {
  const auto old = place.path() / "db.old";
  std::error_code failed;
  fs::remove_all(old, failed);
  fs::rename(place.database(), old, failed);
  if (!failed) fs::rename(fresh / "db", place.database(), failed);
  if (failed)
    return unexpected{
        system_failure(failed.value(), "put the repaired database into", place.path().string())};
  fs::remove_all(old, failed);
  fs::remove_all(fresh, failed);
  return sync_directory(place.path());
}
}  // namespace

result<repaired, failure> repair(const fs::path& given, const repair_options& options) {
  const auto path = journal_directory(given);
  const auto judged = verify(path);
  if (!judged) return unexpected{judged.error()};
  if (judged->sound()) return repaired{.groups = judged->groups};
  auto of = judged->of.value_or(identity{.node = options.node});
  if (of.node.empty())
    return unexpected{failure{cause::missing, "the file that says whose journal " + path.string() +
                                                  " is cannot be read: say it with --node NAME"}};
  auto place = directory::take(path, directory::purpose::use);
  if (!place) return unexpected{std::move(place.error())};
  say(options, "copying " + place->path().string() + " beside it");
  auto copied = copy_beside(place->path());
  if (!copied) return unexpected{std::move(copied.error())};
  say(options, "the copy is " + copied->string());
  const auto keep_copy = [&](failure f) {
    f.sentence += "; as it was before, the journal is in " + copied->string();
    return unexpected{std::move(f)};
  };
  auto all = salvage_all(*place, *copied, options);
  if (!all) return keep_copy(std::move(all.error()));
  const auto fresh = place->path() / "repairing";
  const auto last = write_anew(fresh, *all);
  if (!last) return keep_copy(last.error());
  if (auto done = put_in_place(*place, fresh); !done) return keep_copy(std::move(done.error()));
  of.life = fresh_life();
  if (auto written = place->write_identity(of); !written)
    return keep_copy(std::move(written.error()));
  if (auto opened = place->open_mark(); !opened) return keep_copy(std::move(opened.error()));
  place->acknowledge(of.life, *last);
  repaired done{.copy = *copied, .life = of.life};
  for (const auto& one : *all) done.groups.push_back(one.told);
  return done;
}
}  // namespace troupe::journal
