// What the database kind of lock store asks of its database: orders whose words each database has in its own SQL.
//   Tables    troupe_lock_sessions: id, ttl, expires_at. troupe_lock_places: ticket, lock, id, owner, mode, count, capacity,
//             session
#pragma once
#include "patterns/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>
namespace troupe::lock {
using tickets = std::vector<std::uint64_t>;
using sql_value =
    std::variant<std::monostate, std::int64_t, std::string, tickets>;  // strings are bytes
using sql_rows = std::vector<std::vector<sql_value>>;

enum class sql : std::uint8_t {
  // changes; behind each what it is given, and its rows
  sweep,  //                                      the tickets of all whose session is over: it goes with them
  open_session,  // session, ttl in microseconds         none
  renew,         // session                              one, if it was there
  close,  // session                              the tickets that go with it; before them 0, if it was there
  stand,  // session or nothing, lock, id, owner, mode, count, capacity
          //                                      its ticket; none: there is no such session
  leave,  // lock, id, session or nothing         the ticket that goes
  // looks
  line,    // lock                                       ticket, owner, mode, count, capacity, id
  survey,  //                                            the same, and the lock; by lock and ticket
  there,  // tickets                                    each that is there, and its session's microseconds left
};
struct sql_order {
  sql what{};
  std::vector<sql_value> with{};
};
struct sql_outcome {
  tickets swept{};
  std::vector<sql_rows> changed{}, seen{};  // of each order
  tickets heard{};                          // may be gone, by others
  bool resumed = false;                     // what others did since the last time was not heard
};
struct sql_failure {
  enum class kind : std::uint8_t {
    unknown,   // done or not
    not_done,  // and may be asked again
    refused,   // not done, and nor will it be
  };
  kind how{};
  std::string why{};
  bool deaf = false;  // what others do is not heard any more
};
struct heard {  // of what others have done
  tickets gone{};
  bool more = false;  // and of more than that: look at all
  bool deaf = false;
};

// Used by one thread at a time.
class database {
 public:
  virtual ~database() = default;
  // Sweeps and makes the changes, in one transaction; then looks, so that each look is of that moment or later.
  virtual result<sql_outcome, sql_failure> run(const std::vector<sql_order>& changes,
                                               const std::vector<sql_order>& looks) = 0;
  // Readable when there is something to hear; below 0: there is no such thing now.
  virtual int ear() const = 0;
  virtual heard hear() = 0;
  // How often to hear whatever the ear says, in milliseconds; 0: never.
  virtual int listen_each() const = 0;
};
using database_ptr = std::unique_ptr<database>;
// The sentence says what to do, and no password.
result<database_ptr, std::string> open_sqlite(const std::string& path);
result<database_ptr, std::string> open_postgres(const std::string& uri);
}  // namespace troupe::lock
