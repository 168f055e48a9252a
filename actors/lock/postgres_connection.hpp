// A connection to PostgreSQL that never blocks for longer than it is told: libpq's asynchronous calls and its pipeline.
#pragma once
#include "actors/lock/database.hpp"
#include "patterns/result.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

struct pg_conn;
struct pg_result;
namespace troupe::lock {
using deadline = std::chrono::steady_clock::time_point;

struct pg_call {
  const char* prepared = nullptr;  // null: here what was called since the last such place ends
  std::vector<sql_value> with{};
};
struct pg_answer {
  sql_rows rows{};
  std::string tag{};    // of what was done: COMMIT
  std::string state{};  // SQLSTATE, where it failed; skipped: what was before it failed
  std::string why{};
  bool ok() const { return state.empty(); }
};

class pg_connection {
 public:
  // Who is meant, without the password: a sentence's beginning. An error: it is no URI of PostgreSQL.
  static result<std::string, std::string> name_of(const std::string& uri);
  static result<std::unique_ptr<pg_connection>, std::string> open(const std::string& uri,
                                                                  deadline until);
  ~pg_connection();
  pg_connection(const pg_connection&) = delete;
  pg_connection& operator=(const pg_connection&) = delete;

  // One after the other, each waited for; ends with the first that fails. Before `pipeline`.
  pg_answer plain(const std::string& words, deadline until);
  pg_answer prepare(const char* name, const std::string& words, deadline until);
  // All of them in one go, an answer each. An error: it is broken, and what was done is not known.
  result<std::vector<pg_answer>, std::string> pipeline(const std::vector<pg_call>& calls,
                                                       deadline until);
  bool works();  // as far as is known without asking it
  int descriptor() const;
  int version() const;
  std::vector<std::string> notified();  // by others

 private:
  explicit pg_connection(pg_conn* c) : c_{c} {}
  bool call(const pg_call& what);
  bool wait(deadline until, bool to_read);
  pg_result* next(deadline until, bool& broken);
  pg_answer answer_in(const pg_result* r) const;
  pg_answer last(deadline until);
  std::string broken() const;

  pg_conn* c_;
  std::string late_{};
};
}  // namespace troupe::lock
