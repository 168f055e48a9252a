// What the cores of an election (patterns/storage/campaign.hpp, observe.hpp) ask of the map, carried
// out for the actor that hosts one.
#pragma once
#include "actors/storage/watcher.hpp"
#include "patterns/storage/campaign.hpp"

#include <functional>
#include <string>
#include <utility>
#include <variant>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/message_handler.hpp>
namespace troupe::election {
using errand = request;  // the name is taken inside an actor
using outcome_of_errand = std::variant<answered, unanswered>;
// `then` is called once, in self's context.
void run(caf::event_based_actor* self, const caf::actor& client, storage::duration patience,
         const errand& what, std::function<void(outcome_of_errand)> then);

// The one watch that a core has at a time; events come to self under its id.
class watch_errand {
 public:
  watch_errand(caf::actor client, std::string prefer)
      : client_{std::move(client)}, prefer_{std::move(prefer)} {}
  void begin(caf::event_based_actor* self, const watching& what);
  void end(caf::event_based_actor* self);
  bool is(storage::watch_id id) const { return watcher_ && id == id_; }
  void ended() { watcher_ = nullptr; }  // by itself

 private:
  caf::actor client_;
  std::string prefer_;
  caf::actor watcher_;
  storage::watch_id id_ = 0;
};

// What that watch tells its actor, as the core's inputs: `step` takes watched and watch_broken.
template <class Step>
caf::message_handler heard_by(watch_errand& watch, Step step) {
  return {
      [&watch, step](storage::watch_events& e) {
        if (watch.is(e.id)) step(watched{std::move(e.events)});
      },
      [&watch, step](const storage::watch_ended& e) {
        if (!watch.is(e.id)) return;
        watch.ended();
        step(watch_broken{});
      },
      [](const storage::watch_created&) {},
      [](const storage::watch_progress&) {},
  };
}
}  // namespace troupe::election
