#include "actors/election/errand.hpp"

#include "actors/storage/map_client.hpp"
#include "runtime/codec/inspect.hpp"

#include <utility>

#include <caf/all.hpp>
namespace troupe::election {
void run(caf::event_based_actor* self, const caf::actor& client, storage::duration patience,
         const errand& what, std::function<void(outcome_of_errand)> then) {
  const auto id = what.id;
  if (const auto* alive = std::get_if<keepalive>(&what.what)) {
    return storage::ask_leader(self, client, patience, storage::keepalive{alive->lease},
                               [id, then](const caf::expected<storage::host_answer>& a) {
                                 if (!a) return then(unanswered{id});
                                 if (std::holds_alternative<storage::kept>(*a))
                                   return then(answered{id, renewed{}});
                                 then(answered{id, not_renewed{}});
                               });
  }
  const auto replied = [id, then](caf::expected<storage::reply> r) {
    if (!r) return then(unanswered{id});
    then(answered{id, std::move(*r)});
  };
  if (const auto* c = std::get_if<storage::command>(&what.what))
    return storage::ask_map(self, client, patience, *c, replied);
  storage::ask_map(self, client, patience, std::get<storage::question>(what.what), replied);
}

void watch_errand::begin(caf::event_based_actor* self, const watching& what) {
  end(self);
  watcher_ = storage::spawn_watcher(
      self->system(), client_, caf::actor_cast<caf::actor>(self),
      {.what = {.keys = what.prefix ? storage::prefix(what.key) : storage::one(what.key),
                .from = what.from},
       .id = ++id_,
       .prefer = prefer_});
}

void watch_errand::end(caf::event_based_actor* self) {
  if (watcher_) self->send_exit(watcher_, caf::exit_reason::user_shutdown);
  watcher_ = nullptr;
}
}  // namespace troupe::election
