// One member's knowledge of all: applies what is heard, runs the suspicions, remembers the dead.
//   alive       | suspected by somebody                    -> suspect
//   suspect     | a higher generation of its own           -> alive
//   suspect     | time is up, or two witnesses' verdict    -> unreachable
//   unreachable | a higher generation of its own           -> alive
//   A verdict on somebody alive here is taken as a suspicion: one bad member cannot convict.
//   Its own record answers to nobody's suspicion: a higher generation refutes it.
//   What is down or removed stays as a tombstone, so that gossip of the past cannot revive it.
#pragma once
#include "patterns/membership/events.hpp"
#include "patterns/membership/options.hpp"

#include <deque>
#include <set>
namespace troupe::membership {
struct changes {
  std::vector<event> events{};
  std::vector<member_id> news{};     // worth telling others
  std::vector<member_id> doubted{};  // suspected by others: worth a probe of one's own
  std::vector<member_id> fresh{};
  std::vector<member_id> gone{};
  bool refuted = false;  // somebody had suspected this member
  bool empty() const {
    return events.empty() && news.empty() && doubted.empty() && fresh.empty() && gone.empty() &&
           !refuted;
  }
};

class directory {
 public:
  directory(options how, record self);
  directory(const directory&) = delete;  // one's own record is pointed at
  directory& operator=(const directory&) = delete;
  const view& members() const { return members_; }
  const record& self() const { return *mine_; }
  const record* find(const member_id& id) const;
  bool over() const { return self().state >= member_state::down; }
  std::uint64_t digest() const { return digest_; }          // of the view
  std::size_t size() const { return size_; }                // members present
  std::size_t unreachable() const { return unreachable_; }  // of those
  std::uint64_t version() const { return version_; }        // rises with each change of the view

  void apply(const record& heard, instant now, changes& out);
  void suspect(const member_id& whom, const std::string& witness, instant now, changes& out);
  // It answered a probe sent at `sent`: its suspicion, if older, is put off until a refutation
  // comes.
  void answered(const member_id& who, instant sent, instant now);
  void advance(const member_id& who, member_state to, const std::string& reason, instant now,
               changes& out);
  void grow(const member_id& who, std::uint64_t age, instant now, changes& out);  // to up
  void cut_off(std::vector<std::string> names, changes& out);  // of this member, by its own word
  void admit(record joiner, instant now, changes& out);
  void expire(instant now, changes& out);       // suspicions and tombstones
  instant entered(const member_id& who) const;  // its present state
  instant due() const { return due_; }

 private:
  struct notes {
    instant entered{};    // the state
    instant suspected{};  // when liveness is suspect
    instant answered{};   // since, when it last answered a probe
    std::uint64_t digest = 0;
  };
  void apply_self(const record& heard, instant now, changes& out);
  void insert(record fresh, instant now, changes& out);
  void absorb(record& known, const record& heard, instant now, changes& out);
  void entered_state(record& r, member_state was, instant now, const std::string& reason,
                     changes& out);
  void doubt(record& r, const std::vector<std::string>& witnesses, bool verdict, instant now,
             changes& out);
  void convict(record& r, changes& out);
  void replaced(const record& by, instant now, changes& out);
  instant verdict_at(const record& r) const;
  void schedule();
  void changed(const record& r, changes& out);

  options how_;
  member_id self_;
  view members_;
  record* mine_;  // in the view
  std::map<member_id, notes> notes_;
  std::set<member_id> suspects_;                          // present ones
  std::deque<std::pair<instant, member_id>> tombstones_;  // the removed, in order
  std::size_t size_ = 1;
  std::size_t unreachable_ = 0;  // of the present
  std::uint64_t digest_ = 0, version_ = 0;
  instant due_ = instant::max();
};
}  // namespace troupe::membership
