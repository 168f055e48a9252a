// What an actor is that is told things by one replica of a group: it goes to one, and on to another
// (patterns/consensus/serving.hpp). What it asks there is its own: `open`, `close` and `ping` send it to replica().
//   in its behavior: handlers(); in its down handler: down(msg); in on_exit: clear()
//   Promises  `open` with each replica that serves from now on, `close` before it is left, whether it lives or not; one
//             that is gone, silent or out of touch is left for another within 3 times `silence`
//   Costs     a ping each `silence` while one is wanted
#pragma once
#include "patterns/consensus/serving.hpp"

#include <chrono>
#include <map>
#include <string>

#include <caf/event_based_actor.hpp>
#include <caf/message_handler.hpp>
namespace troupe::consensus {
struct served_settings {
  std::string prefer{};  // the node whose replica is asked first: the own
  bool leader = false;   // before it the leader's, and wherever the leader goes
  std::chrono::milliseconds silence{1000};
  std::chrono::milliseconds again{};  // until all are tried again when they have closed; 0: a tick
};
class served {
 public:
  // `client`: actors/consensus/client.hpp.
  served(caf::event_based_actor* self, caf::actor client, served_settings settings);
  virtual ~served() = default;
  caf::message_handler handlers();
  void down(const caf::down_msg& msg);
  void clear();
  const caf::actor& replica() const { return replica_; }  // null: none serves

 protected:
  void begin();  // learns of the replicas, before any is wanted
  void want(bool is = true);
  void heard() { core_.heard(); }  // anything of the replica's
  void ponged(bool in_touch) { core_.ponged(in_touch); }
  void closed() { take(core_.closed()); }  // by the replica itself
  virtual void open() = 0;
  virtual void close() = 0;
  virtual void ping() = 0;

  caf::event_based_actor* self_;
  caf::actor client_;

 private:
  void take(const serving::output& out);
  void gone(const std::string& node);
  void part();
  void arm();

  served_settings s_;
  serving core_;
  std::map<std::string, caf::actor> replicas_;
  std::string node_;
  caf::actor replica_;
  bool begun_ = false, wanted_ = false, ticking_ = false, waits_ = false;
};
}  // namespace troupe::consensus
