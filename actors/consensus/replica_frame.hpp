// What a replica is whichever protocol orders its group's entries: who asks waits here for an answer, peers
// come and go, the journal answers, time passes. The protocol's own replica (replica.hpp, zab_replica.hpp)
// derives from it, steps its core, and carries out what the core says.
//   Promises  commands that are in the mailbox together are proposed together
//             who waits is answered once: also when the replica ends, and then never `done`
//             a tick that comes late is put off once, for what has come meanwhile to be heard first
//             whoever wants to know who leads is told now and whenever that changes, until it ends
//   Assumes   `arm` follows each step of the core; places of entries rise
//   Beware    a journal that fails ends the replica with an error
#pragma once
#include "actors/consensus/protocol.hpp"
#include "patterns/consensus/sessions.hpp"
#include "runtime/journal/journal.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <caf/event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
namespace troupe::consensus {
struct shaken {  // a node's connection broke: it may be gone
  std::string node;
};
TROUPE_MESSAGE(shaken, node)

// Letters that must not leave before the journal has what they tell of.
template <class Letter>
class held_letters {
 public:
  void hold(Letter l, std::uint64_t until) { held_.push_back({until, std::move(l)}); }
  template <class Post>
  void release(std::uint64_t durable, const Post& post) {
    auto it = held_.begin();
    for (; it != held_.end() && it->until <= durable; ++it) post(it->what);
    held_.erase(held_.begin(), it);
  }

 private:
  struct held {
    std::uint64_t until = 0;
    Letter what;
  };
  std::vector<held> held_;
};

class replica_frame : public caf::event_based_actor {
 public:
  struct parts {
    std::uint64_t id = 0;
    std::string node{};
    std::shared_ptr<journal::journal> log{};
    std::unique_ptr<state_machine> machine{};
    sessions::settings sessions{};
    std::uint64_t seed = 0;
  };
  replica_frame(caf::actor_config& config, parts of);
  caf::behavior make_behavior() final;
  void on_exit() override;

 protected:
  using promise = caf::typed_response_promise<answered>;
  struct waiting {  // for an entry to be applied
    std::uint64_t term = 0;
    promise whom;
    bool configures = false;
  };

  // ---- in the actor's own context, for those who derive from a protocol's replica
  virtual caf::message_handler more() { return {}; }
  virtual void applied() {}            // some entries, or a snapshot
  virtual void led(bool /*leads*/) {}  // began or ceased to lead, with all that was before applied
  virtual void ended(const caf::down_msg& /*gone*/) {}  // somebody that `more` has monitored
  // A question to the host (protocol.hpp), asked of it as the leader: a majority has confirmed that it
  // was one after the question had come. Nothing: it is none any more, and nothing was done.
  virtual std::optional<std::string> asked(std::string_view /*question*/) { return std::string{}; }
  state_machine& machine() { return machine_.inner(); }
  std::chrono::nanoseconds now();

  // ---- a protocol's own
  virtual bool restart() = 0;  // from what the journal had; false: it has quit
  virtual caf::message_handler own() = 0;
  virtual std::chrono::nanoseconds due() const = 0;  // the core's next tick
  virtual bool may_depose() const = 0;               // whether a tick may take others for dead
  virtual void tick() = 0;
  virtual void propose() = 0;  // all that was gathered before `flush`
  virtual void read(std::uint64_t cookie) = 0;
  virtual void persisted(std::uint64_t record) = 0;  // after `durable` has risen
  virtual void lost(const std::string& node) = 0;
  virtual std::string leader_name() const = 0;

  // ---- what it is given for that
  std::uint64_t await(promise whom);  // the cookie of what it has proposed
  void flush();
  void persist(journal::batch what, std::uint64_t record);
  bool all_durable() const { return given_ == durable_; }
  void taken(std::uint64_t cookie, std::uint64_t place, std::uint64_t term);
  void turned_away(std::uint64_t cookie, verdict what);
  void readable(std::uint64_t cookie, std::uint64_t place);
  void answer_readers(std::uint64_t applied);
  void turn_readers_away();
  void unsure();  // to all who wait for entries to be applied
  void arm();
  void tell_all(leads now);
  void draw_snapshot(std::uint64_t log_bytes);
  answered not_leading(verdict what) const { return {what, {}, leader_name()}; }
  std::string name_of(std::uint64_t id) const;
  const caf::actor* peer(std::uint64_t id) const;  // null: unknown, or gone

  sessions::table machine_;
  std::multimap<std::uint64_t, waiting> waiting_;  // by place
  std::uint64_t durable_ = 0, given_ = 0;          // numbers of batches
  std::uint64_t snapshot_later_ = 0;  // bytes more than a snapshot is due at: replicas take turns
  std::map<std::uint64_t, std::string> names_;
  leads known_{};
  bool leading_ = false;  // and has said so

 private:
  struct reader {
    std::string question;
    bool host = false;
    promise whom;
  };

  std::uint64_t id_;
  std::string node_;
  std::shared_ptr<journal::journal> log_;
  std::mt19937_64 chance_;
  std::uint64_t cookies_ = 0;
  bool flushing_ = false;
  std::map<std::uint64_t, promise> proposed_;      // by cookie
  std::map<std::uint64_t, reader> reading_;        // by cookie
  std::multimap<std::uint64_t, reader> readable_;  // by place
  std::chrono::nanoseconds armed_ = std::chrono::nanoseconds::max();
  bool late_ = false;  // its tick was, and is put off
  std::map<std::string, caf::actor> peers_;
  std::vector<caf::actor> told_;
};
}  // namespace troupe::consensus
