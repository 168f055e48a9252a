// A session with a lock store, under which places stand: opened, kept alive, and given up by its own clock before the store
// can end it.
// Source: C. Gray, D. Cheriton, "Leases", SOSP 1989; P. Hunt et al., "ZooKeeper", USENIX ATC 2010, 2.3.
//   Promises  `over` at the latest `margin` before the store can end it, while clocks' rates differ by `drift` at most. A
//             renewal counts from when it was asked for; one that is answered later than that is no renewal
//             a session that was over is never used again: the next has another id
//   Assumes   the store ends a session no earlier than ttl after it was asked to open or renew it, on the store's clock
//   Costs     a request each third of what is left of the ttl
#pragma once
#include "patterns/lock/store.hpp"

#include <optional>
namespace troupe::lock {
struct session_settings {
  duration ttl = std::chrono::seconds{10};
  duration margin = std::chrono::seconds{1};  // for holders to stop in
  std::uint32_t drift_per_mille = 50;
  duration retry = std::chrono::milliseconds{200};
  bool renews = true;  // else it ends with its ttl, and another is opened when one is wanted
};

struct session_output {
  std::vector<ask> asks{};
  std::optional<std::string> begun{};    // its id
  std::optional<std::string> over{};     // why
  std::optional<std::string> refused{};  // why there is none yet: one is asked for again
};

class session {
 public:
  explicit session(session_settings how) : how_{how} {}
  void want(instant now, session_output& out);   // one, if there is none
  void close(instant now, session_output& out);  // at once; holders have been told
  void answered(const lock::answered& in, instant now, session_output& out);
  void tick(instant now, session_output& out);
  instant due() const;
  const std::string& id() const { return id_; }  // empty: none
  instant good_until() const { return good_until_; }
  std::string digest() const;  // all that it is, for simulations

 private:
  void put(wish what, instant now, session_output& out);
  void end(std::string why, session_output& out);

  session_settings how_;
  std::string id_{};
  bool wanted_ = false;
  std::uint64_t numbers_ = 0, awaited_ = 0;
  instant asked_at_{}, good_until_{}, ask_at_ = instant::max();
};
}  // namespace troupe::lock
