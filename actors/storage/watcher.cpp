#include "actors/storage/watcher.hpp"

#include "actors/consensus/watching.hpp"
#include "actors/storage/map_client.hpp"
#include "runtime/in_loop.hpp"
#include "runtime/log.hpp"

#include <utility>

#include <caf/all.hpp>
namespace troupe::storage {
namespace {
class watcher : public consensus::watching {
 public:
  watcher(caf::actor_config& config, caf::actor client, caf::actor user, watcher_settings settings)
      : watching{config,
                 std::move(client),
                 std::move(user),
                 {.prefer = settings.prefer, .silence = settings.silence}},
        s_{std::move(settings)},
        next_{s_.what.from} {}
  const char* name() const override { return "watcher"; }

  caf::behavior make_behavior() override {
    const auto common = watch_on(next_ != 0);
    return common.or_else(
        [this](const watch_created& what) {
          if (what.id != id_) return;
          heard();
          if (std::exchange(told_, true)) return;
          send(user_, watch_created{s_.id, next_});
        },
        [this](watch_events& what) {
          if (what.id != id_) return;
          heard();
          if (what.at < next_) return taken(what.at);  // the replica's own care; cheap to be sure
          next_ = what.at + 1;
          const auto at = what.at;
          what.id = s_.id;
          give(std::move(what), at);
        },
        [this](const watch_progress& what) {
          if (what.id != id_) return;
          heard();
          if (what.upto < next_) return;
          next_ = what.upto + 1;
          send(user_, watch_progress{s_.id, what.upto});
        },
        [this](const watch_pong& what) {
          if (what.id == id_) ponged(what.in_touch);
        },
        [this](const watch_ended& what) {
          if (what.id != id_) return;
          if (what.why == watch_end::closed || what.why == watch_end::too_many) return closed();
          end(what.why, what.lowest);
        },
        [this](const cancel_watch&) { end(watch_end::cancelled, 0); });
  }

 private:
  void resolve() override {
    ask_map(this, client_, long_enough, question{status{}}, [this](caf::expected<reply> r) {
      if (!r) return unresolved();
      next_ = r->at + 1;
      want();
    });
  }

  void open() override {
    auto what = s_.what;
    what.from = next_;
    send(replica(), open_watch{this, ++id_, std::move(what)});
  }
  void close() override { send(replica(), cancel_watch{id_++}); }
  void ping() override { send(replica(), watch_ping{id_}); }

  void give(watch_events what, revision at) {
    const auto id = id_;
    request(user_, caf::infinite, std::move(what))
        .then(
            [this, id, at] {
              if (id == id_) taken(at);
            },
            [this, id, at](const caf::error& why) {
              if (why != caf::sec::request_receiver_down)
                log::warn("watcher", "the user of a watch does not take it",
                          {{"reason", to_string(why)}});
              if (id == id_) taken(at);
            });
  }
  void taken(revision at) { send(replica(), watch_taken{id_, at}); }
  void end(watch_end why, revision lowest) {
    send(user_, watch_ended{s_.id, why, next_, lowest});
    quit();
  }

  watcher_settings s_;
  revision next_ = 0;  // the first not delivered; 0: not known yet
  bool told_ = false;
};
}  // namespace

caf::actor spawn_watcher(caf::actor_system& system, caf::actor client, caf::actor user,
                         watcher_settings settings) {
  return system.spawn<in_loop<watcher>>(std::move(client), std::move(user), std::move(settings));
}
}  // namespace troupe::storage
