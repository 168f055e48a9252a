#include "actors/tree/tree_watcher.hpp"

#include "actors/consensus/watching.hpp"
#include "actors/tree/tree_client.hpp"

#include <algorithm>
#include <utility>

#include <caf/all.hpp>
namespace troupe::tree {
namespace {
class watcher : public consensus::watching {
 public:
  watcher(caf::actor_config& config, caf::actor client, caf::actor user,
          tree_watcher_settings settings)
      : watching{config,
                 std::move(client),
                 std::move(user),
                 {.prefer = settings.prefer,
                  .silence = settings.silence,
                  .again = settings.silence / 10}},
        s_{std::move(settings)},
        seen_{s_.seen} {}
  const char* name() const override { return "tree-watcher"; }

  caf::behavior make_behavior() override {
    const auto common = watch_on(seen_.has_value());
    return common.or_else(
        [this](const watch_set& what) {
          if (what.id != id_) return;
          heard(what.at);
          if (!std::exchange(told_, true)) send(user_, watch_set{s_.id, what.kind, what.at});
        },
        [this](watch_fired& what) {
          if (what.id != id_) return;
          heard(what.at);
          const bool last = what.last;
          what.id = s_.id;
          send(user_, std::move(what));
          if (last) quit();
        },
        [this](const watch_pong& what) {
          if (what.id != id_) return;
          heard(what.at);
          ponged(what.in_touch);
        },
        [this](const watch_refused& what) {
          if (what.id != id_) return;
          if (what.why == refusal::behind || what.why == refusal::too_many_watches) return closed();
          send(user_, watch_refused{s_.id, what.why, what.at});
          quit();
        },
        [this](const watch_closed& what) {
          if (what.id == id_) closed();
        });
  }

 private:
  void resolve() override {
    ask_tree(this, client_, long_enough, question{status{}}, [this](caf::expected<reply> r) {
      if (!r) return unresolved();
      seen_ = r->at;
      want();
    });
  }

  void open() override { send(replica(), set_watch{this, ++id_, s_.what, seen_}); }
  void close() override { send(replica(), remove_watch{id_++}); }
  void ping() override { send(replica(), watch_ping{id_}); }

  void heard(zxid at) {
    seen_ = std::max(seen_.value_or(0), at);
    served::heard();
  }

  tree_watcher_settings s_;
  std::optional<zxid> seen_;  // everything up to here has been told
  bool told_ = false;
};
}  // namespace

caf::actor spawn_tree_watcher(caf::actor_system& system, caf::actor client, caf::actor user,
                              tree_watcher_settings settings) {
  return system.spawn<watcher>(std::move(client), std::move(user), std::move(settings));
}
}  // namespace troupe::tree
