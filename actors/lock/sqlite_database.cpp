// SQLite under the database kind of lock store: a file in WAL mode that the processes of a machine share.
// Source: sqlite.org: "Write-Ahead Logging", "Isolation In SQLite", PRAGMA data_version.
#include "actors/lock/bell.hpp"
#include "actors/lock/database.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include <sqlite3.h>
#include <sys/vfs.h>
namespace troupe::lock {
namespace {
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using failure = sql_failure;
constexpr auto patience = 2s;  // with others that write

constexpr const char* tables = R"(
CREATE TABLE IF NOT EXISTS troupe_lock_sessions (
  id BLOB PRIMARY KEY, ttl INTEGER NOT NULL, expires_at INTEGER NOT NULL, boot TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS troupe_lock_places (
  ticket INTEGER PRIMARY KEY AUTOINCREMENT, lock BLOB NOT NULL, id BLOB NOT NULL, owner BLOB NOT NULL,
  mode INTEGER NOT NULL, count INTEGER NOT NULL, capacity INTEGER NOT NULL, session BLOB, UNIQUE (lock, id));
CREATE INDEX IF NOT EXISTS troupe_lock_places_by_session ON troupe_lock_places (session);
)";

// troupe_now() is one moment within a transaction, so that what it says twice is one thing.
#define TROUPE_OVER "(boot <> troupe_boot() OR expires_at <= troupe_now())"
std::vector<const char*> words_of(sql what) {
  switch (what) {
    case sql::sweep:
      return {
          "DELETE FROM troupe_lock_places WHERE session IN"
          " (SELECT id FROM troupe_lock_sessions WHERE " TROUPE_OVER ") RETURNING ticket",
          "DELETE FROM troupe_lock_sessions WHERE " TROUPE_OVER};
    case sql::open_session:
      return {"INSERT INTO troupe_lock_sessions VALUES (?1, ?2, troupe_now() + ?2, troupe_boot())"};
    case sql::renew:
      return {
          "UPDATE troupe_lock_sessions SET expires_at = troupe_now() + ttl WHERE id = ?1 RETURNING "
          "1"};
    case sql::close:
      return {"DELETE FROM troupe_lock_sessions WHERE id = ?1 RETURNING 0",
              "DELETE FROM troupe_lock_places WHERE session = ?1 RETURNING ticket"};
    case sql::stand:
      return {
          "INSERT INTO troupe_lock_places (session, lock, id, owner, mode, count, capacity)"
          " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
          " WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM troupe_lock_sessions WHERE id = ?1)"
          " ON CONFLICT (lock, id) DO UPDATE SET id = excluded.id RETURNING ticket"};
    case sql::leave:
      return {"DELETE FROM troupe_lock_places WHERE lock = ?1 AND id = ?2 RETURNING ticket"};
    case sql::line:
      return {
          "SELECT ticket, owner, mode, count, capacity, id FROM troupe_lock_places"
          " WHERE lock = ?1 ORDER BY ticket"};
    case sql::survey:
      return {
          "SELECT ticket, owner, mode, count, capacity, id, lock FROM troupe_lock_places"
          " ORDER BY lock, ticket"};
    case sql::there:
      return {
          "SELECT p.ticket, s.expires_at - troupe_now() FROM json_each(?1) j"
          " JOIN troupe_lock_places p ON p.ticket = j.value"
          " LEFT JOIN troupe_lock_sessions s ON s.id = p.session"};
  }
  return {};
}
#undef TROUPE_OVER

std::int64_t microseconds_now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1'000;
}
std::string boot() {
  std::string id;
  std::ifstream{"/proc/sys/kernel/random/boot_id"} >> id;
  return id;
}

class sqlite final : public database {
 public:
  explicit sqlite(const std::string& path) : path_{path} {}
  ~sqlite() override {
    for (auto& [_, all] : prepared_)
      for (auto* s : all) ::sqlite3_finalize(s);
    for (auto* s : {version_, over_}) ::sqlite3_finalize(s);
    ::sqlite3_close(db_);
  }
  sqlite(const sqlite&) = delete;
  sqlite& operator=(const sqlite&) = delete;

  std::optional<std::string> open() {
    // One thread at a time uses it.
    constexpr int how = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (::sqlite3_open_v2(path_.c_str(), &db_, how, nullptr) != SQLITE_OK)
      return sentence() + ": does its folder exist, and may you write there?";
    ::sqlite3_extended_result_codes(db_, 1);
    ::sqlite3_busy_handler(db_, &sqlite::wait_for_others, this);
    constexpr int of_one = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    ::sqlite3_create_function(
        db_, "troupe_now", 0, of_one, this,
        [](sqlite3_context* c, int, sqlite3_value**) {
          ::sqlite3_result_int64(c, static_cast<sqlite*>(::sqlite3_user_data(c))->now_);
        },
        nullptr, nullptr);
    ::sqlite3_create_function(
        db_, "troupe_boot", 0, of_one, this,
        [](sqlite3_context* c, int, sqlite3_value**) {
          const auto& b = static_cast<sqlite*>(::sqlite3_user_data(c))->boot_;
          ::sqlite3_result_text(c, b.data(), static_cast<int>(b.size()), SQLITE_STATIC);
        },
        nullptr, nullptr);
    if (const auto why = begin_wal()) return why;
    if (plain("PRAGMA synchronous=FULL") != SQLITE_OK) return sentence();
    waits_since_.reset();
    if (plain("BEGIN IMMEDIATE") != SQLITE_OK || plain(tables) != SQLITE_OK ||
        plain("COMMIT") != SQLITE_OK) {
      auto why = sentence();
      plain("ROLLBACK");
      return why + ": is it a database, may you write to it, and is the disk not full?";
    }
    bell_.emplace(path_ + "-bell");
    version();
    return std::nullopt;
  }

  result<sql_outcome, failure> run(const std::vector<sql_order>& changes,
                                   const std::vector<sql_order>& looks) override {
    sql_outcome out;
    waits_since_.reset();
    if (!changes.empty())
      if (auto why = write(changes, out)) return unexpected{std::move(*why)};
    if (looks.empty()) return out;
    // Who only looks waits for nobody, unless there is something to sweep.
    for (bool swept = !changes.empty();; swept = true) {
      if (auto why = read(looks, swept, out)) return unexpected{std::move(*why)};
      if (out.seen.size() == looks.size()) return out;
      if (auto why = write({}, out)) return unexpected{std::move(*why)};
    }
  }

  int ear() const override { return bell_->ear(); }
  heard hear() override {
    bell_->silence();
    const auto before = seen_version_;
    return {.more = version() != before};
  }
  int listen_each() const override { return bell_->ear() < 0 ? 10 : 1'000; }

 private:
  // ---- transactions
  std::optional<failure> write(const std::vector<sql_order>& changes, sql_outcome& out) {
    if (const auto rc = plain("BEGIN IMMEDIATE"); rc != SQLITE_OK) return failed(rc);
    now_ = microseconds_now();
    const auto undo = [&](int rc) {
      auto why = failed(rc);
      plain("ROLLBACK");
      return why;
    };
    sql_rows gone;
    if (const auto rc = take({sql::sweep, {}}, gone); rc != SQLITE_OK) return undo(rc);
    for (const auto& c : changes)
      if (const auto rc = take(c, out.changed.emplace_back()); rc != SQLITE_OK) return undo(rc);
    if (const auto rc = plain("COMMIT"); rc != SQLITE_OK) {
      auto why = undo(rc);
      // What was written and could not be synced may be found when the file is opened the next time.
      if ((rc & 0xff) == SQLITE_IOERR) why.how = failure::kind::unknown;
      return why;
    }
    bool others_wait = !gone.empty();
    for (const auto& row : gone)
      out.swept.push_back(static_cast<std::uint64_t>(std::get<std::int64_t>(row[0])));
    for (std::size_t i = 0; i < changes.size(); ++i)
      others_wait |= (changes[i].what == sql::leave || changes[i].what == sql::close) &&
                     !out.changed[i].empty();
    if (others_wait) bell_->ring();
    return std::nullopt;
  }
  // Nothing is looked at where something is to be swept first.
  std::optional<failure> read(const std::vector<sql_order>& looks, bool swept, sql_outcome& out) {
    if (const auto rc = plain("BEGIN"); rc != SQLITE_OK) return failed(rc);
    now_ = microseconds_now();
    std::optional<failure> why;
    bool over = false;
    if (!swept)
      if (const auto rc = any_over(over); rc != SQLITE_OK) why = failed(rc);
    for (const auto& l : looks) {
      if (over || why) break;
      if (const auto rc = take(l, out.seen.emplace_back()); rc != SQLITE_OK) why = failed(rc);
    }
    if (plain("COMMIT") != SQLITE_OK) plain("ROLLBACK");
    // What was changed before it is.
    if (why && swept && why->how != failure::kind::refused) why->how = failure::kind::unknown;
    return why;
  }
  int any_over(bool& over) {
    sql_rows rows;
    const auto rc =
        step_all(prepared_once(over_,
                               "SELECT 1 FROM troupe_lock_sessions WHERE boot <> troupe_boot() OR"
                               " expires_at <= troupe_now() LIMIT 1"),
                 {}, rows);
    over = !rows.empty();
    return rc;
  }

  // ---- statements
  int plain(const char* words) { return ::sqlite3_exec(db_, words, nullptr, nullptr, nullptr); }
  sqlite3_stmt* prepared_once(sqlite3_stmt*& where, const char* words) {
    if (where == nullptr)
      ::sqlite3_prepare_v3(db_, words, -1, SQLITE_PREPARE_PERSISTENT, &where, nullptr);
    return where;
  }
  int take(const sql_order& what, sql_rows& rows) {
    auto& all = prepared_[what.what];
    if (all.empty())
      for (const auto* words : words_of(what.what)) prepared_once(all.emplace_back(nullptr), words);
    for (auto* s : all)
      if (const auto rc = step_all(s, what.with, rows); rc != SQLITE_OK) return rc;
    return SQLITE_OK;
  }
  int step_all(sqlite3_stmt* s, const std::vector<sql_value>& with, sql_rows& rows) {
    if (s == nullptr) return ::sqlite3_extended_errcode(db_);
    const auto takes = ::sqlite3_bind_parameter_count(s);
    for (int i = 0; i < takes; ++i) bind(s, i + 1, with[static_cast<std::size_t>(i)]);
    int rc = SQLITE_OK;
    while ((rc = ::sqlite3_step(s)) == SQLITE_ROW) {
      auto& row = rows.emplace_back();
      for (int i = 0; i < ::sqlite3_column_count(s); ++i) row.push_back(column(s, i));
    }
    ::sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
  }
  static void bind(sqlite3_stmt* s, int at, const sql_value& v) {
    if (const auto* n = std::get_if<std::int64_t>(&v)) {
      ::sqlite3_bind_int64(s, at, *n);
    } else if (const auto* b = std::get_if<std::string>(&v)) {
      ::sqlite3_bind_blob64(s, at, b->data(), b->size(), SQLITE_TRANSIENT);
    } else if (const auto* all = std::get_if<tickets>(&v)) {
      std::string list = "[";
      for (const auto t : *all) list += (list.size() > 1 ? "," : "") + std::to_string(t);
      list += ']';
      ::sqlite3_bind_text64(s, at, list.data(), list.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    } else {
      ::sqlite3_bind_null(s, at);
    }
  }
  static sql_value column(sqlite3_stmt* s, int at) {
    switch (::sqlite3_column_type(s, at)) {
      case SQLITE_INTEGER:
        return ::sqlite3_column_int64(s, at);
      case SQLITE_NULL:
        return {};
      default: {
        const auto* from = static_cast<const char*>(::sqlite3_column_blob(s, at));
        const auto bytes = static_cast<std::size_t>(::sqlite3_column_bytes(s, at));
        return from == nullptr ? std::string{} : std::string(from, bytes);
      }
    }
  }
  // Changes with what others commit.
  std::int64_t version() {
    sql_rows rows;
    if (step_all(prepared_once(version_, "PRAGMA data_version"), {}, rows) == SQLITE_OK &&
        !rows.empty())
      seen_version_ = std::get<std::int64_t>(rows[0][0]);
    return seen_version_;
  }

  // ---- failures
  std::optional<std::string> begin_wal() {
    const auto until = steady_clock::now() + patience;
    for (;;) {
      sql_rows rows;
      sqlite3_stmt* once = nullptr;
      waits_since_.reset();
      const auto rc = step_all(prepared_once(once, "PRAGMA journal_mode=WAL"), {}, rows);
      auto why = sentence();
      ::sqlite3_finalize(once);
      const auto mode = rows.empty() ? std::string{} : std::get<std::string>(rows[0][0]);
      if (rc == SQLITE_OK && mode == "wal") return std::nullopt;
      if (rc == SQLITE_OK)
        return "'" + path_ + "' stays in journal mode '" + mode +
               "', and has to be in WAL mode: put it on a local disk";
      if ((rc & 0xff) != SQLITE_BUSY || steady_clock::now() > until)
        return why + ": is it a database, and may you write to it?";
      std::this_thread::sleep_for(1ms);  // others begin it at the same time
    }
  }
  std::string sentence() const {
    return "'" + path_ + "' cannot be used as an SQLite database (" + ::sqlite3_errmsg(db_) + ")";
  }
  failure failed(int rc) const {
    using kind = failure::kind;
    switch (rc & 0xff) {
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return {kind::not_done, "others write to '" + path_ + "' for too long"};
      case SQLITE_NOMEM:
      case SQLITE_INTERRUPT:
      case SQLITE_IOERR:
        return {kind::not_done, sentence()};
      default:  // full, read-only, no database, corrupt
        return {kind::refused, sentence()};
    }
  }
  // SQLite has no queue for its writers: short pauses of different lengths, so that nobody is always too late.
  static int wait_for_others(void* self, int) {
    auto& us = *static_cast<sqlite*>(self);
    const auto now = steady_clock::now();
    if (!us.waits_since_) us.waits_since_ = now;
    if (now - *us.waits_since_ > patience) return 0;
    std::this_thread::sleep_for(std::chrono::microseconds{us.pause_(us.chance_)});
    return 1;
  }

  std::string path_, boot_ = boot();
  sqlite3* db_ = nullptr;
  std::map<sql, std::vector<sqlite3_stmt*>> prepared_;
  sqlite3_stmt *version_ = nullptr, *over_ = nullptr;
  std::int64_t now_ = 0, seen_version_ = 0;
  std::optional<bell> bell_;
  std::optional<steady_clock::time_point> waits_since_;
  std::minstd_rand chance_{std::random_device{}()};
  std::uniform_int_distribution<int> pause_{100, 1'500};
};

// Locks of files and shared memory are not what they are elsewhere.
std::optional<std::string> on_a_network(const std::string& path) {
  const auto slash = path.rfind('/');
  const auto folder = slash == std::string::npos ? std::string{"."} : path.substr(0, slash + 1);
  struct statfs s {};
  if (::statfs(folder.c_str(), &s) != 0) return std::nullopt;
  const auto kind = static_cast<unsigned long>(s.f_type) & 0xffffffffUL;
  if (kind != 0x6969 && kind != 0x517B && kind != 0xFE534D42UL &&
      kind != 0xFF534D42UL)  // NFS, SMB, SMB2, CIFS
    return std::nullopt;
  return "'" + path +
         "' is on a network's file system, where SQLite's locks do not hold: put it on a local "
         "disk";
}
}  // namespace

result<database_ptr, std::string> open_sqlite(const std::string& path) {
  if (auto why = on_a_network(path)) return unexpected{std::move(*why)};
  auto db = std::make_unique<sqlite>(path);
  if (auto why = db->open()) return unexpected{std::move(*why)};
  return result<database_ptr, std::string>{std::move(db)};
}
}  // namespace troupe::lock
