// A store of locks as a value: what patterns/lock/store.hpp asks of one, in memory, on one clock. Simulations and tests of
// whatever stands on a store run on it; it is the measure of the others.
//   Promises  each request takes effect at once and alone; a session ends at its ttl after it was opened or renewed, no
//             sooner, and with the first request or tick after that, no later
//             an await is answered by the request that ends it; by `yield`, without it
//   Assumes   the host ticks it before each request, and forgets nothing but awaits when it restarts
#pragma once
#include "patterns/lock/store.hpp"

#include <map>
#include <string>
#include <vector>
namespace troupe::lock {
class model_store {
 public:
  struct reply {
    std::uint64_t whom = 0;
    std::uint64_t number = 0;
    answer what{};
  };
  struct session {
    std::uint64_t whose = 0;  // who has opened it
    duration ttl{};
    instant until{};
  };
  // `whom`: the host's own word for who asks. Its awaits end with another ask of the same number.
  void asked(std::uint64_t whom, const ask& in, instant now, std::vector<reply>& out);
  void tick(instant now, std::vector<reply>& out);
  // The word of who leaves, which a store may pass on before it does anything, and though it never does.
  void yield(const leave_line& what, std::vector<reply>& out);
  instant due() const;
  void restarted(instant now);  // sessions get their full ttl anew

  const std::map<std::string, line>& lines() const { return lines_; }
  const std::map<std::string, session>& sessions() const { return sessions_; }
  // Under which a place stands; empty: none.
  const std::string& session_of(const std::string& lock, const std::string& id) const;
  std::string digest() const;  // all that it is, for simulations

 private:
  struct waiting {
    std::uint64_t whom = 0;
    std::uint64_t number = 0;
    await what{};
  };
  answer on(std::uint64_t whom, const open_session& x, instant now, std::vector<reply>& out);
  answer on(std::uint64_t whom, const renew_session& x, instant now, std::vector<reply>& out);
  answer on(std::uint64_t whom, const close_session& x, instant now, std::vector<reply>& out);
  answer on(std::uint64_t whom, const stand& x, instant now, std::vector<reply>& out);
  answer on(std::uint64_t whom, const leave_line& x, instant now, std::vector<reply>& out);
  answer on(std::uint64_t whom, const look& x, instant now, std::vector<reply>& out);
  answer on(std::uint64_t whom, const survey& x, instant now, std::vector<reply>& out);
  line line_of(const std::string& lock) const;
  bool there(const std::string& lock, const std::string& id) const;
  void remove(const std::string& lock, const std::string& id);
  void end(const std::string& session);
  void wake(std::vector<reply>& out);

  std::map<std::string, line> lines_;
  std::map<std::pair<std::string, std::string>, std::string> under_;  // lock, id -> session
  std::map<std::string, session> sessions_;
  std::vector<waiting> waits_;
  std::uint64_t moment_ = 0, opened_ = 0;
};
}  // namespace troupe::lock
