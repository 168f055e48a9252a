#include "runtime/journal/database.hpp"

#include "runtime/journal/codec.hpp"
#include "runtime/journal/directory.hpp"
#include "runtime/journal/rocks_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <map>
#include <utility>

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

namespace troupe::journal {
namespace {
using rocksdb::Slice;
using rocksdb::Status;
constexpr std::array names{"default", "records", "snapshots", "states", "extents"};
constexpr auto index_end = std::numeric_limits<std::uint64_t>::max();

void put_big(std::string& to, std::uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    to.push_back(static_cast<char>((number >> shift) & 0xff));
}
std::uint64_t get_big(std::string_view from) {
  std::uint64_t number = 0;
  for (const char c : from) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}
std::string group_key(const std::string& group) {
  std::string key;
  put_big(key, group.size(), 2);
  return key += group;
}
std::string record_key(const std::string& group, std::uint64_t index) {
  auto key = group_key(group);
  put_big(key, index, 8);
  return key;
}
std::string group_of(std::string_view key) {
  if (key.size() < 2) return {};
  return std::string{key.substr(2, get_big(key.substr(0, 2)))};
}
std::string range(std::uint64_t first, std::uint64_t last) {
  return first > last ? "none" : std::to_string(first) + " to " + std::to_string(last);
}
std::string_view view_of(const Slice& s) { return {s.data(), s.size()}; }

failure failure_from(const Status& s, const std::string& doing, const std::filesystem::path& at) {
  auto text = s.ToString();
  for (std::size_t at = 0; (at = text.find(".ldb", at)) != text.npos;)
    text.replace(at, 4, ".sst");  // the old name is tried last, and is the one that is told
  const auto has = [&](std::string_view words) { return text.find(words) != text.npos; };
  if (s.IsNoSpace() || has("No space left")) return system_failure(ENOSPC, doing, at.string());
  if (has("Read-only file system")) return system_failure(EROFS, doing, at.string());
  if (has("Permission denied")) return system_failure(EACCES, doing, at.string());
  if (has("No such file") || has("does not exist") || has("CURRENT") || has("missing") ||
      has("Missing"))
    return damaged(cause::missing, "the journal " + at.string() + " is not whole: " + text, at);
  if (s.IsCorruption() || s.IsInvalidArgument() || s.IsNotFound())
    return damaged(cause::corrupted, "the journal " + at.string() + " is damaged: " + text, at);
  return {cause::broken, "cannot " + doing + " " + at.string() + ": " + text};
}

rocksdb::CompressionType compression() {
  const auto known = rocksdb::GetSupportedCompressions();
  return std::find(known.begin(), known.end(), rocksdb::kLZ4Compression) == known.end()
             ? rocksdb::kNoCompression
             : rocksdb::kLZ4Compression;
}

rocksdb::Options options_for(const database::settings& wanted, database::purpose why) {
  rocksdb::Options o;
  o.create_if_missing = o.create_missing_column_families = why == database::purpose::make;
  o.error_if_exists = why == database::purpose::make;
  // log_files.hpp has been there before, and cuts a torn tail; who only looks leaves it, and stops in front of it
  o.wal_recovery_mode = why == database::purpose::look
                            ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                            : rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  o.track_and_verify_wals_in_manifest = true;
  o.paranoid_checks = true;
  o.force_consistency_checks = why != database::purpose::look;  // rebuilt tables may overlap
  o.max_bgerror_resume_count = 0;  // what failed is not tried again as if it had not
  o.info_log = rocks_logger();
  o.stats_dump_period_sec = o.stats_persist_period_sec = 0;
  o.max_background_jobs = 2;
  o.write_buffer_size = wanted.write_buffer;
  o.max_write_buffer_number = 4;
  o.max_total_wal_size =
      4 * wanted.write_buffer;  // the small families do not hold old logs for ever
  o.compression = compression();
  o.allow_concurrent_memtable_write = false;  // there is one writer
  o.max_open_files = 256;
  rocksdb::BlockBasedTableOptions tables;
  tables.block_cache =
      rocksdb::NewLRUCache(std::size_t{4} << 20);  // a journal is read once, at the start
  tables.format_version = 5;
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(tables));
  return o;
}
}  // namespace

struct database::parts {
  settings wanted{};
  std::unique_ptr<rocksdb::Env> env{};
  std::unique_ptr<rocksdb::DB> db{};
  std::vector<rocksdb::ColumnFamilyHandle*> families{};  // as in `names`
  rocksdb::ColumnFamilyHandle* records() const { return families[1]; }
  rocksdb::ColumnFamilyHandle* snapshots() const { return families[2]; }
  rocksdb::ColumnFamilyHandle* states() const { return families[3]; }
  rocksdb::ColumnFamilyHandle* extents() const { return families[4]; }
  const std::filesystem::path& at() const { return wanted.directory; }

  ~parts() {
    for (auto* const one : families) db->DestroyColumnFamilyHandle(one);
    if (db) db->Close();
  }
  void put(rocksdb::WriteBatch& to, const addressed& one) const {
    const auto& [group, what, then] = one;
    const auto key = group_key(group);
    if (what.state) to.Put(states(), key, encode(state_place(group), 0, 0, *what.state));
    if (what.cut_from)
      to.DeleteRange(records(), record_key(group, *what.cut_from), record_key(group, index_end));
    if (what.replace) {
      const auto& s = *what.replace;
      to.Put(snapshots(), key, encode(snapshot_place(group), s.index, s.term, s.bytes));
    }
    if (what.restart) {
      to.DeleteRange(records(), record_key(group, 0), record_key(group, index_end));
    } else if (const auto upto = what.drop_upto ? *what.drop_upto
                                 : what.replace ? what.replace->index
                                                : 0;
               upto > 0) {
      to.DeleteRange(records(), record_key(group, 0), record_key(group, upto + 1));
    }
    if (what.cut_from || what.replace || what.drop_upto || !what.append.empty())
      to.Put(extents(), key, encode(extent_place(group), then.first, then.last, {}));
    const auto place = record_place(group);
    for (const auto& r : what.append)
      to.Put(records(), record_key(group, r.index), encode(place, r.index, r.term, r.bytes));
  }
};

database::database(std::unique_ptr<parts> all) : parts_{std::move(all)} {}
database::~database() = default;

result<std::unique_ptr<database>, failure> database::open(const settings& wanted, purpose why) {
  auto all = std::make_unique<parts>();
  all->wanted = wanted;
  auto options = options_for(wanted, why);
  all->env = rocks_env(wanted.faults);
  options.env = all->env.get();
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string name : names) families.emplace_back(name, options);
  const auto path = (wanted.directory / "db").string();
  rocksdb::DB* db = nullptr;
  const auto opened =
      why == purpose::look
          ? rocksdb::DB::OpenForReadOnly(options, path, families, &all->families, &db)
          : rocksdb::DB::Open(options, path, families, &all->families, &db);
  all->db.reset(db);
  if (!opened.ok()) {
    all->families.clear();
    return unexpected{failure_from(opened, "open the journal", wanted.directory)};
  }
  return std::unique_ptr<database>{new database{std::move(all)}};
}

result<void, failure> database::rebuild(const settings& wanted) {
  auto options = options_for(wanted, purpose::use);
  options.force_consistency_checks =
      false;  // a log made into a table may be one that was in tables already
  const auto path = (wanted.directory / "db").string();
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string name : names) families.emplace_back(name, options);
  const auto done = rocksdb::RepairDB(path, options, families, options);
  if (!done.ok()) return unexpected{failure_from(done, "rebuild the journal", wanted.directory)};
  // a family of which no table is left is not there any more
  options.create_if_missing = options.create_missing_column_families = true;
  std::vector<rocksdb::ColumnFamilyDescriptor> whole;
  for (const std::string name : names) whole.emplace_back(name, options);
  parts all{.wanted = wanted};
  rocksdb::DB* db = nullptr;
  const auto opened = rocksdb::DB::Open(options, path, whole, &all.families, &db);
  all.db.reset(db);
  if (opened.ok()) return {};
  all.families.clear();
  return unexpected{failure_from(opened, "rebuild the journal", wanted.directory)};
}

result<void, failure> database::write(std::span<const addressed> all) {
  rocksdb::WriteBatch changes;
  for (const auto& one : all) parts_->put(changes, one);
  if (changes.Count() == 0) return {};
  const auto done = parts_->db->Write({}, &changes);
  if (!done.ok()) return unexpected{failure_from(done, "write to the journal", parts_->at())};
  return {};
}

result<void, failure> database::sync() {
  const auto done = parts_->db->SyncWAL();
  if (!done.ok()) return unexpected{failure_from(done, "sync the journal", parts_->at())};
  return {};
}

std::uint64_t database::last() const { return parts_->db->GetLatestSequenceNumber(); }

std::uint64_t database::oldest_log() const {
  std::uint64_t number = 0;
  return parts_->db->GetIntProperty(rocksdb::DB::Properties::kMinLogNumberToKeep, &number) ? number
                                                                                           : 0;
}

void database::visit(const std::string& group, const std::function<bool(const value&)>& seen,
                     const std::function<void(const failure&)>& unreadable) const {
  const auto& p = *parts_;
  const rocksdb::ReadOptions how;
  const auto key = group_key(group);
  const auto one = [&](rocksdb::ColumnFamilyHandle* family, value::kind what,
                       const std::string& doing) {
    value found{what, 0, {}};
    const auto read = p.db->Get(how, family, key, &found.encoded);
    if (read.ok()) return seen(found);
    if (!read.IsNotFound())
      unreadable(failure_from(read, doing + " of group '" + group + "' in", p.at()));
    return true;
  };
  if (!one(p.states(), value::kind::state, "read the state")) return;
  if (!one(p.snapshots(), value::kind::snapshot, "read the snapshot")) return;
  if (!one(p.extents(), value::kind::extent, "read the extent")) return;
  const std::unique_ptr<rocksdb::Iterator> at{p.db->NewIterator(how, p.records())};
  std::uint64_t index = 0;
  for (at->Seek(record_key(group, 0)); at->Valid() && at->key().starts_with(key); at->Next()) {
    const auto found = view_of(at->key());
    if (found.size() != key.size() + 8) continue;
    index = get_big(found.substr(key.size()));
    if (!seen({value::kind::record, index, at->value().ToString()})) return;
  }
  if (!at->status().ok())
    unreadable(failure_from(
        at->status(),
        "read what follows record " + std::to_string(index) + " of group '" + group + "' in",
        p.at()));
}

result<content, failure> database::read(const std::string& group) const {
  content found;
  std::uint64_t first = 1, last = 0;
  std::optional<failure> wrong;
  const auto flawed = [&](const std::string& what, flaw why) {
    wrong = damaged(cause::corrupted,
                    what + " of group '" + group + "' in " + parts_->at().string() +
                        " is not what was written: " + std::string{to_string(why)},
                    parts_->at());
    return false;
  };
  visit(
      group,
      [&](const value& v) {
        switch (v.what) {
          case value::kind::state: {
            auto one = decode(state_place(group), v.encoded, 0);
            if (!one) return flawed("the state", one.error());
            found.state = std::move(one->bytes);
            return true;
          }
          case value::kind::snapshot: {
            auto one = decode(snapshot_place(group), v.encoded);
            if (!one) return flawed("the snapshot", one.error());
            found.base = snapshot{one->index, one->term, std::move(one->bytes)};
            return true;
          }
          case value::kind::extent: {
            const auto one = decode(extent_place(group), v.encoded);
            if (!one) return flawed("the extent", one.error());
            first = one->index;
            last = one->term;
            return true;
          }
          case value::kind::record: {
            auto one = decode(record_place(group), v.encoded, v.index);
            if (!one) return flawed("record " + std::to_string(v.index), one.error());
            found.records.push_back(std::move(*one));
            return true;
          }
        }
        return true;
      },
      [&](const failure& f) { wrong = f; });
  if (wrong) return unexpected{*wrong};
  const auto whole = extent_of(found, group);
  if (!whole) return unexpected{damaged(cause::corrupted, whole.error().sentence, parts_->at())};
  if (whole->first != first || whole->last != last)
    return unexpected{damaged(cause::corrupted,
                              "the journal of group '" + group + "' in " + parts_->at().string() +
                                  " has records " + range(whole->first, whole->last) +
                                  ", and was left with " + range(first, last),
                              parts_->at())};
  return found;
}

result<std::vector<std::string>, failure> database::groups() const {
  const auto& p = *parts_;
  std::map<std::string, bool> all;
  for (auto* const family : {p.states(), p.snapshots(), p.records()}) {
    const std::unique_ptr<rocksdb::Iterator> at{p.db->NewIterator({}, family)};
    at->SeekToFirst();
    while (at->Valid()) {
      const auto group = group_of(view_of(at->key()));
      all[group] = true;
      if (family == p.records())
        at->Seek(record_key(group, index_end));  // over its records
      else
        at->Next();
    }
    if (!at->status().ok())
      return unexpected{failure_from(at->status(), "list the groups of", p.at())};
  }
  std::vector<std::string> names;
  for (const auto& [name, known] : all) names.push_back(name);
  return names;
}

result<void, failure> database::check_tables() const {
  const auto sound = parts_->db->VerifyChecksum();
  if (!sound.ok()) return unexpected{failure_from(sound, "read the tables of", parts_->at())};
  return {};
}
}  // namespace troupe::journal
