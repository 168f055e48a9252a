// Waits for keys of the replicated map to go: many at once, of one actor, all at one replica, without an actor or a timer for
// each. For what is over in a moment; changes that are followed for long are watcher.hpp's.
//   departures gone_{this, client, {.prefer = "n1"}, [this](departures::wait w, departures::end e) { ... }};
//   in its behavior: gone_.handlers(); in its down handler: gone_.down(msg); in on_exit: gone_.clear()
//   Promises  each wait is over once: `erased`, when one of its keys was, from its revision on, wherever that was seen;
//             `noted`, when who erases one of them said so ahead (map_client.hpp), and `own` was there; `unknown`, when the
//             map's history does not reach back any more
//             it waits where the leader is, which knows first; a replica that is gone, silent or out of touch is left for
//             another within 3 times `silence`
//   Costs     a wait: a message, and one when it is over. A ping each `silence` while there are any
#pragma once
#include "actors/consensus/served.hpp"
#include "actors/storage/protocol.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <caf/event_based_actor.hpp>
#include <caf/message_handler.hpp>
namespace troupe::storage {
struct departures_settings {
  std::string prefer{};  // the node whose replica is asked where no leader is known
  duration silence{1000};
};

class departures : public consensus::served {
 public:
  using wait = std::uint64_t;  // given by the actor, never used twice
  enum class how { erased, noted, unknown };
  struct end {
    how what = how::erased;
    revision at = 0;  // of the erasure
  };
  departures(caf::event_based_actor* self, caf::actor client, departures_settings settings,
             std::function<void(wait, end)> then);
  void await(wait id, std::vector<std::string> keys, revision from, std::string own = {});
  caf::message_handler handlers();
  void clear();

 private:
  struct waiting {
    std::vector<std::string> keys{};
    revision from = 0;
    std::string own{};
    std::vector<watch_id> open{};  // none: it is at no replica
  };
  void open(wait id, waiting& w);
  void open() override;
  void close() override;
  void ping() override;
  void finish(watch_id id, end what);

  std::function<void(wait, end)> then_;
  std::map<wait, waiting> waits_;
  std::map<watch_id, wait> open_;
  watch_id ids_ = 0;
};
}  // namespace troupe::storage
