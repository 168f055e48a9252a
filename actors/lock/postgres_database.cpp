// PostgreSQL under the database kind of lock store: each batch is one transaction and one round trip.
// Source: PostgreSQL 15: 13.2 Transaction Isolation, 13.3.5 Advisory Locks, NOTIFY, 34.5 Pipeline Mode.
// A transaction goes out with its COMMIT in one piece, and is small both ways: who is frozen after it sent keeps nobody out.
#include "actors/lock/database.hpp"
#include "actors/lock/postgres_connection.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
namespace troupe::lock {
namespace {
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using failure = sql_failure;
constexpr auto patience = 3s;
constexpr auto backoff_max = 1s;

constexpr const char* settings = R"(
SET default_transaction_isolation = 'read committed';
SET default_transaction_read_only = off;
SET lock_timeout = '2500ms';
SET idle_in_transaction_session_timeout = '5s';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off')";

// Only one may create them; the number is anybody's.
constexpr const char* tables = R"(
BEGIN;
SELECT pg_advisory_xact_lock(7305809871);
CREATE TABLE IF NOT EXISTS troupe_lock_sessions (
  id bytea PRIMARY KEY, ttl interval NOT NULL, expires_at timestamptz NOT NULL);
CREATE INDEX IF NOT EXISTS troupe_lock_sessions_by_end ON troupe_lock_sessions (expires_at);
CREATE TABLE IF NOT EXISTS troupe_lock_places (
  ticket bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, lock bytea NOT NULL, id bytea NOT NULL, owner bytea NOT NULL,
  mode bigint NOT NULL, count bigint NOT NULL, capacity bigint NOT NULL,
  session bytea REFERENCES troupe_lock_sessions ON DELETE CASCADE, UNIQUE (lock, id));
CREATE INDEX IF NOT EXISTS troupe_lock_places_by_session ON troupe_lock_places (session);
COMMIT)";

struct statement {
  const char* name;
  const char* words;
};
constexpr statement begin_it{"begin", "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"};
constexpr statement commit_it{"commit", "COMMIT"};
constexpr statement undo_it{"rollback", "ROLLBACK"};
// Places of one lock are drawn and given back one after the other, to their commit: a lower ticket is never seen later than
// a higher one, and who leaves knows whether somebody stands behind.
constexpr statement alone{"alone", "SELECT pg_advisory_xact_lock($1::bigint)::text"};
// What others sweep at this moment stands until they have.
constexpr statement sweep_it{"sweep", R"(
WITH over AS (
  DELETE FROM troupe_lock_sessions WHERE id IN (
    SELECT id FROM troupe_lock_sessions WHERE expires_at <= (SELECT clock_timestamp()) FOR UPDATE SKIP LOCKED)
  RETURNING id),
gone AS (DELETE FROM troupe_lock_places p USING over WHERE p.session = over.id RETURNING ticket)
SELECT ticket, pg_notify('troupe_locks', ticket::text)::text FROM gone)"};

statement words_of(sql what) {
  switch (what) {
    case sql::sweep:
      return sweep_it;
    case sql::open_session:
      return {"open", R"(
INSERT INTO troupe_lock_sessions
SELECT $1::bytea, t, clock_timestamp() + t FROM (SELECT $2::bigint * interval '1 microsecond' AS t) x)"};
    case sql::renew:
      return {"renew", R"(
UPDATE troupe_lock_sessions SET expires_at = clock_timestamp() + ttl
WHERE id = $1::bytea AND expires_at > clock_timestamp() RETURNING 1::bigint)"};
    case sql::close:
      return {"close", R"(
WITH over AS (DELETE FROM troupe_lock_sessions WHERE id = $1::bytea RETURNING id),
gone AS (DELETE FROM troupe_lock_places WHERE session = $1::bytea RETURNING ticket)
SELECT 0::bigint, '' FROM over
UNION ALL SELECT ticket, pg_notify('troupe_locks', ticket::text)::text FROM gone)"};
    case sql::stand:  // the session is kept from ending until the place is there
      return {"stand", R"(
WITH live AS (
  SELECT id FROM troupe_lock_sessions WHERE id = $1::bytea AND expires_at > clock_timestamp() FOR KEY SHARE)
INSERT INTO troupe_lock_places (session, lock, id, owner, mode, count, capacity)
SELECT $1::bytea, $2::bytea, $3::bytea, $4::bytea, $5::bigint, $6::bigint, $7::bigint
WHERE $1::bytea IS NULL OR EXISTS (SELECT 1 FROM live)
ON CONFLICT (lock, id) DO UPDATE SET id = excluded.id RETURNING ticket)"};
    case sql::leave:  // a holder awaits his own place, too: who takes it away tells him
      return {"leave", R"(
WITH gone AS (
  DELETE FROM troupe_lock_places WHERE lock = $1::bytea AND id = $2::bytea RETURNING ticket, session)
SELECT ticket, CASE WHEN session IS DISTINCT FROM $3::bytea OR EXISTS (
    SELECT 1 FROM troupe_lock_places p WHERE p.lock = $1::bytea AND p.ticket <> gone.ticket)
  THEN pg_notify('troupe_locks', ticket::text)::text END FROM gone)"};
    case sql::line:
      return {"line", R"(
SELECT ticket, owner, mode, count, capacity, id FROM troupe_lock_places WHERE lock = $1::bytea ORDER BY ticket)"};
    case sql::survey:
      return {"survey", R"(
SELECT ticket, owner, mode, count, capacity, id, lock FROM troupe_lock_places ORDER BY lock, ticket)"};
    case sql::there:
      return {"there", R"(
SELECT ticket, ceil(extract(epoch FROM s.expires_at - clock_timestamp()) * 1000000)::bigint
FROM troupe_lock_places p LEFT JOIN troupe_lock_sessions s ON s.id = p.session WHERE ticket = ANY ($1::bigint[]))"};
  }
  return {};
}

// FNV-1a: the same in all processes and versions.
std::int64_t number_of(const std::string& lock) {
  std::uint64_t h = 14'695'981'039'346'656'037U;
  for (const char c : lock) h = (h ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  return static_cast<std::int64_t>(h);
}
// In one order, so that two who need several do not wait for each other.
std::set<std::int64_t> locks_in(const std::vector<sql_order>& changes) {
  std::set<std::int64_t> all;
  for (const auto& c : changes) {
    const auto at = c.what == sql::stand ? 1U : 0U;
    if (c.what == sql::stand || c.what == sql::leave)
      all.insert(number_of(std::get<std::string>(c.with[at])));
  }
  return all;
}

class postgres final : public database {
 public:
  postgres(std::string uri, std::string name) : uri_{std::move(uri)}, name_{std::move(name)} {}

  std::optional<std::string> connect() {
    if (steady_clock::now() < not_before_) return last_why_;
    const auto until = steady_clock::now() + patience;
    auto made = pg_connection::open(uri_, until);
    auto why = made ? begin(**made, until)
                    : std::optional{name_ + " cannot be used (" + made.error() +
                                    "): does it run, and may you use it?"};
    if (!why) {
      connection_ = std::move(*made);
      backoff_ = 50ms;
      return std::nullopt;
    }
    not_before_ = steady_clock::now() + backoff_ + std::chrono::milliseconds{chance_() % 50};
    backoff_ = std::min<steady_clock::duration>(backoff_ * 2, backoff_max);
    last_why_ = *why;
    return why;
  }

  result<sql_outcome, failure> run(const std::vector<sql_order>& changes,
                                   const std::vector<sql_order>& looks) override {
    const auto until = steady_clock::now() + patience;
    bool resumed = false;
    if (connection_ && !connection_->works()) connection_.reset();
    if (!connection_) {
      if (auto why = connect())
        return unexpected{failure{failure::kind::not_done, std::move(*why), true}};
      resumed = true;
    }
    for (int attempt = 1;; ++attempt) {
      std::string state;
      auto got = once(changes, looks, until, state);
      // Two have waited for each other, and it was this one's turn to give way.
      if (!got && (state == "40P01" || state == "40001") && attempt < 5) continue;
      if (got) got->resumed = resumed;
      return got;
    }
  }

  int ear() const override { return connection_ ? connection_->descriptor() : -1; }
  heard hear() override {
    if (!connection_) return {};
    if (!connection_->works()) {
      connection_.reset();
      return {.deaf = true};
    }
    return {.gone = heard_now()};
  }
  int listen_each() const override { return 0; }

 private:
  // Makes what is not there, and prepares what will be asked.
  std::optional<std::string> begin(pg_connection& c, deadline until) {
    const auto failed = [&](const pg_answer& a) {
      return name_ + " cannot keep locks (" + a.why + ")";
    };
    if (c.version() < 100'000)
      return name_ + " is too old: version 10 is the first with identity columns";
    if (const auto a = c.plain(settings, until); !a.ok()) return failed(a);
    const auto there = c.plain("SELECT to_regclass('troupe_lock_places')::text", until);
    if (!there.ok()) return failed(there);
    if (there.rows.empty() || std::holds_alternative<std::monostate>(there.rows[0][0]))
      if (const auto a = c.plain(tables, until); !a.ok())
        return failed(a) +
               ": let a user who may create tables begin, or give this one the right to";
    for (const auto& s : {begin_it, commit_it, undo_it, alone})
      if (const auto a = c.prepare(s.name, s.words, until); !a.ok()) return failed(a);
    for (const auto what : {sql::sweep, sql::open_session, sql::renew, sql::close, sql::stand,
                            sql::leave, sql::line, sql::survey, sql::there})
      if (const auto a = c.prepare(words_of(what).name, words_of(what).words, until); !a.ok())
        return failed(a);
    if (const auto a = c.plain("LISTEN troupe_locks", until); !a.ok()) return failed(a);
    const auto fsync = c.plain("SHOW fsync", until);
    if (fsync.ok() && !fsync.rows.empty() && fsync.rows[0][0] == sql_value{std::string{"off"}})
      log::warn("lock",
                "the server runs with fsync=off: what it has granted may be gone after a crash",
                {{"server", name_}});
    return std::nullopt;
  }

  result<sql_outcome, failure> once(const std::vector<sql_order>& changes,
                                    const std::vector<sql_order>& looks, deadline until,
                                    std::string& state) {
    std::vector<pg_call> calls;
    const auto call = [&](const statement& s, std::vector<sql_value> with = {}) {
      calls.push_back({s.name, std::move(with)});
      return calls.size() - 1;
    };
    if (!changes.empty()) call(begin_it);
    const auto sweep = call(sweep_it);
    for (const auto lock : locks_in(changes)) call(alone, {lock});
    const auto first_change = calls.size();
    for (const auto& c : changes) call(words_of(c.what), c.with);
    const auto commit = changes.empty() ? sweep : call(commit_it);
    calls.push_back({});
    const auto first_look = calls.size();
    for (const auto& l : looks) call(words_of(l.what), l.with);
    calls.push_back({});

    auto got = connection_->pipeline(calls, until);
    if (!got) {
      connection_.reset();
      return unexpected{failure{failure::kind::unknown, name_ + ": " + got.error(), true}};
    }
    auto& all = *got;
    for (std::size_t i = 0; i <= commit; ++i)
      if (!all[i].ok()) return unexpected{undone(all[i], until, !changes.empty(), state)};
    if (!changes.empty() && all[commit].tag != "COMMIT")
      return unexpected{failure{failure::kind::not_done, name_ + " has undone it"}};
    sql_outcome out;
    for (auto& row : all[sweep].rows)
      out.swept.push_back(static_cast<std::uint64_t>(std::get<std::int64_t>(row[0])));
    for (std::size_t i = 0; i < changes.size(); ++i)
      out.changed.push_back(std::move(all[first_change + i].rows));
    for (std::size_t i = 0; i < looks.size(); ++i) {
      auto& a = all[first_look + i];
      if (!a.ok()) {  // what was to be changed is
        auto why = undone(a, until, false, state);
        if (!changes.empty()) why.how = failure::kind::unknown, state.clear();
        return unexpected{std::move(why)};
      }
      out.seen.push_back(std::move(a.rows));
    }
    out.heard = heard_now();
    return out;
  }

  failure undone(const pg_answer& why, deadline until, bool roll_back, std::string& state) {
    using kind = failure::kind;
    state = why.state;
    failure f{kind::refused, name_ + ": " + why.why};
    // Connections, resources, operators, other transactions, a standby: that passes.
    for (const auto* passes : {"08", "40", "53", "55", "57", "58", "25"})
      if (state.starts_with(passes)) f.how = kind::not_done;
    if (state == "53100") f.how = kind::refused;  // a full disk
    if (roll_back && !connection_->pipeline({{undo_it.name, {}}, {}}, until + 1s)) {
      connection_.reset();
      f.deaf = true;
    }
    return f;
  }

  tickets heard_now() {
    tickets all;
    for (const auto& text : connection_->notified())
      if (const auto ticket = std::strtoull(text.c_str(), nullptr, 10); ticket > 0)
        all.push_back(ticket);
    return all;
  }

  std::string uri_, name_, last_why_{};
  std::unique_ptr<pg_connection> connection_;
  steady_clock::time_point not_before_{};
  steady_clock::duration backoff_ = 50ms;
  std::minstd_rand chance_{std::random_device{}()};
};
}  // namespace

result<database_ptr, std::string> open_postgres(const std::string& uri) {
  auto name = pg_connection::name_of(uri);
  if (!name) return unexpected{name.error()};
  auto db = std::make_unique<postgres>(uri, *name);
  if (auto why = db->connect()) return unexpected{std::move(*why)};
  return result<database_ptr, std::string>{std::move(db)};
}
}  // namespace troupe::lock
