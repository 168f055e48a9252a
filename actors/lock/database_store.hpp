// The database kind of lock store: a table of places, a table of sessions, and the expiry and the reaper that the textbook's
// version lacks.
//   spawn_sqlite_store(system, "/var/lib/app/locks.db")                   for the processes of one machine
//   spawn_postgres_store(system, "postgresql://app@db.example:5432/app")  libpq's URI and environment
// Source: the lock table (INSERT to take, DELETE to give back) of the textbooks; here each who wants the lock inserts a place
// of his own, and the lowest ticket holds (patterns/lock/line.hpp), so that it is fair and nobody tries again and again.
//   Promises  tickets come from a sequence that never goes back (AUTOINCREMENT; an identity column), also over deletions and
//             crashes: a place is answered for only when it is committed, and places of one lock are drawn one after the other
//             time is the database's own: a session ends no earlier than its ttl after it was last asked for, and only by
//             its rows being deleted, by whoever asks anything after its time, in one transaction with what he asks. So its
//             places end for all at once, and who renews afterwards is told so
//             who awaits a place asks again when its session may be over: its end needs nobody else's visit
//             wishes that come together are one transaction, and are answered when it is committed
//             unanswered: the connection broke, or the database was busy for too long. It reconnects by itself
//   Assumes   SQLite: all are on one machine and see one CLOCK_MONOTONIC (no time namespaces), which stands still while it
//             sleeps, as that of the holders does; what was begun before the machine's last start is over
//             PostgreSQL: the server's wall clock does not step while sessions live. A step forward ends them early, as if
//             their holders' clocks were slow by as much: the guarded resource has to refuse old fences
//   Beware    a commit is on disk, as far as the disk says so: SQLite runs with synchronous=FULL, PostgreSQL with
//             synchronous_commit at least on and with the server's own fsync, which it warns of if it is off
//             a standby that follows asynchronously does not have the last grants: after a failover to it two may hold, under
//             one fence. Let it follow synchronously, or do not fail over by itself
//             SQLite: not on a network's file system (NFS and SMB are refused). Its writers have no queue, and one that is
//             frozen in the middle of its transaction, some milliseconds long, keeps all others out until it is thawed
//             PostgreSQL: not through a pooler of transactions (pgbouncer): notifications and prepared statements belong to
//             a session. Passwords belong in ~/.pgpass: a command line can be read by all
//   Costs     a commit to stand, one to leave, one to renew; a look is none. A thread for each store and one that sleeps.
//             SQLite: a file beside it (PATH-bell), by which who waits hears of others. PostgreSQL: one connection;
//             notifications only where somebody stands behind, for the server makes commits with one wait for each other
#pragma once
#include "actors/lock/database.hpp"

#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::lock {
caf::actor spawn_database_store(caf::actor_system& system, database_ptr all);
result<caf::actor, std::string> spawn_sqlite_store(caf::actor_system& system,
                                                   const std::string& path);
result<caf::actor, std::string> spawn_postgres_store(caf::actor_system& system,
                                                     const std::string& uri);
}  // namespace troupe::lock
