// Inside actors/lock: the actor behind spawn_locks. locks.cpp has its locks, locks_several.cpp several at once.
#pragma once
#include "actors/lock/locks.hpp"
#include "patterns/lock/deadlock.hpp"

#include <functional>
#include <map>
#include <set>
#include <tuple>

#include <caf/all.hpp>
namespace troupe::lock {
caf::error to_error(const declined& why);

class locks_actor : public caf::event_based_actor {
 public:
  locks_actor(caf::actor_config& config, caf::actor store, locks_settings settings);
  const char* name() const override { return "locks"; }
  void on_exit() override;
  caf::behavior make_behavior() override;

 private:
  using key = std::tuple<std::string, std::string, mode>;  // owner, lock
  struct held {
    holder core;
    key k;
    std::uint64_t number = 0;  // of all holders here: an answer to one before it is not for it
    caf::actor whose{};        // who is told that it is lost
  };
  struct outcome {  // of an acquire: a fence, or why there is none
    std::uint64_t fence = 0;
    declined no{};
  };
  struct taker {
    std::function<void(const outcome&)> then;
    caf::actor whom;
  };
  struct set {  // of locks that one has taken at once
    several core;
    std::vector<want> locks;
    std::string owner;
    caf::actor whom;
    caf::typed_response_promise<taken_all> asked;
    bool told = false;
    std::uint64_t cookie = 0;  // of the acquire that it waits for
    std::vector<caf::typed_response_promise<returned>> returns{};
  };

  instant now() { return std::chrono::duration_cast<instant>(clock().now().time_since_epoch()); }
  std::string owner_of(const std::string& given) const { return given.empty() ? s_.owner : given; }

  // ---- one lock
  void take_one(const std::string& owner, const want& wanted, caf::actor whom, duration wait,
                std::uint64_t cookie, std::function<void(const outcome&)> then);
  held& held_by(const std::string& owner, const want& wanted);
  void step(held& h, const input& in);
  void tell(held& h, const granted& e);
  void tell(held& h, const declined& e);
  void tell(held& h, const freed& e);
  void tell(held& h, const lost& e);
  void tell_lost(held& h, std::uint64_t fence, const std::string& why);
  caf::result<taken> on(const take& wanted);
  caf::result<returned> on(const put_back& what);
  caf::result<returned> on(const revoke& what);

  // ---- several
  caf::result<taken_all> on(const take_all& wanted);
  caf::result<returned> on(const put_back_all& what);
  void obey(std::uint64_t id, several_output& out);
  void tell_set(set& s, const several_output& out);
  void lost_of_sets(const key& k, const std::string& why);
  void leave_sets(const caf::actor_addr& who);

  // ---- the session that all of them stand under
  void want_session();
  void tick_session();
  void obey(session_output& out);
  void ask_store(wish what, std::function<void(answer&)> then);
  void tick_all();
  instant due_of(const held& h);
  void arm(instant due);

  // ---- deadlocks
  void look_later();
  void scan();
  bool may_end(const deadlock& d, const line& l) const;

  // ---- ends
  void watch(const caf::actor& who);
  void give_all(held& h);
  void ended(const caf::actor_addr& who);
  void go();

  caf::actor store_;
  locks_settings s_;
  session session_;
  std::string life_;
  std::map<key, held> held_;
  std::map<std::uint64_t, taker> takes_;                        // by cookie
  std::map<std::uint64_t, std::function<void(bool)>> returns_;  // the same
  std::map<std::uint64_t, set> sets_;
  std::uint64_t cookies_ = 0, holders_ = 0, set_ids_ = 0;
  instant armed_ = instant::max();
  std::map<std::uint64_t, instant> suspected_;  // victims that the last scan has seen, since when
  std::set<caf::actor_addr> watched_;           // who is monitored: each once
  bool looking_ = false, going_ = false, gone_ = false;
};
}  // namespace troupe::lock
