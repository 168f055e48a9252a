#include "actors/storage/watcher.hpp"

#include "actors/consensus/protocol.hpp"
#include "actors/storage/map_client.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/in_loop.hpp"
#include "runtime/log.hpp"
#include "runtime/peers.hpp"

#include <iterator>
#include <map>
#include <utility>

#include <caf/all.hpp>
namespace troupe::storage {
struct watcher_tick {};
TROUPE_MESSAGE(watcher_tick)
struct resolve_now {};
TROUPE_MESSAGE(resolve_now)
}  // namespace troupe::storage
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::storage::watcher_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::storage::resolve_now)

namespace troupe::storage {
namespace {
constexpr std::chrono::minutes long_enough{10};  // the client ends by its own patience before
constexpr int silences_max = 2;

class watcher : public caf::event_based_actor {
 public:
  watcher(caf::actor_config& config, caf::actor client, caf::actor user, watcher_settings settings)
      : caf::event_based_actor{config},
        client_{std::move(client)},
        user_{std::move(user)},
        s_{std::move(settings)},
        next_{s_.what.from} {}
  const char* name() const override { return "watcher"; }

  void on_exit() override {
    leave();
    client_ = nullptr;
    user_ = nullptr;
    replicas_.clear();
  }

  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& gone) {
      if (user_.address() == gone.source) return quit();
      if (at_ && at_.address() == gone.source) seek();
    });
    monitor(user_);
    send(client_, consensus::tell_replicas{this});
    if (next_ == 0)
      resolve();
    else
      seek();
    delayed_send(this, s_.silence, watcher_tick{});
    return {
        [this](peer_up& peer) {
          const auto found = replicas_.find(peer.id);
          const bool anew = found == replicas_.end() || found->second != peer.handle;
          const bool own = at_ && serving_ == peer.id && anew;
          if (anew) attempts_ = 0;
          if (anew && peer.id == s_.prefer) preferred_ = true;
          replicas_[peer.id] = std::move(peer.handle);
          if (own || !at_) seek();
        },
        [this](const peer_down& peer) {
          replicas_.erase(peer.id);
          if (at_ && serving_ == peer.id) seek();
        },
        [this](const watch_created& what) {
          if (what.id != id_) return;
          heard();
          if (std::exchange(told_, true)) return;
          tell(watch_created{s_.id, next_});
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
          tell(watch_progress{s_.id, what.upto});
        },
        [this](const watch_pong& what) {
          if (what.id != id_) return;
          heard();
          out_of_touch_ = what.in_touch ? 0 : out_of_touch_ + 1;
        },
        [this](const watch_ended& what) {
          if (what.id != id_) return;
          at_forget();
          if (what.why == watch_end::closed || what.why == watch_end::too_many) return seek();
          end(what.why, what.lowest);
        },
        [this](const cancel_watch&) { end(watch_end::cancelled, 0); },
        [this](watcher_tick) {
          delayed_send(this, s_.silence, watcher_tick{});
          look();
        },
        [this](resolve_now) { resolve(); },
    };
  }

 private:
  // Where now is: after all that was done before this watch was asked for.
  void resolve() {
    ask_map(this, client_, long_enough, question{status{}}, [this](caf::expected<reply> r) {
      if (!r) return delayed_send(this, s_.silence / 4, resolve_now{});
      next_ = r->at + 1;
      seek();
    });
  }

  // At the preferred replica first, then in turn; all of them once a tick.
  void seek() {
    leave();
    if (next_ == 0 || attempts_ >= replicas_.size()) return;
    ++attempts_;
    const auto& [node, replica] = *choose();
    serving_ = tried_ = node;
    at_ = replica;
    monitor(at_);
    auto what = s_.what;
    what.from = next_;
    silences_ = out_of_touch_ = 0;
    heard_ = false;
    send(at_, open_watch{this, ++id_, std::move(what)});
  }
  std::map<std::string, caf::actor>::const_iterator choose() {
    if (std::exchange(preferred_, false))
      if (const auto own = replicas_.find(s_.prefer); own != replicas_.end()) return own;
    if (tried_.empty())
      return std::next(replicas_.begin(),
                       static_cast<std::ptrdiff_t>(fresh_seed(system()) % replicas_.size()));
    const auto after = replicas_.upper_bound(tried_);
    return after == replicas_.end() ? replicas_.begin() : after;
  }
  void leave() {
    if (!at_) return;
    send(at_, cancel_watch{id_});
    at_forget();
  }
  void at_forget() {
    if (!at_) return;
    demonitor(at_.address());
    at_ = nullptr;
    serving_.clear();
    ++id_;  // what it still has under way to here is another watch's
  }

  void heard() {
    heard_ = true;
    silences_ = 0;
  }
  void look() {
    attempts_ = 0;
    if (!at_) return seek();
    if (!std::exchange(heard_, false) && ++silences_ >= silences_max) return seek();
    if (out_of_touch_ >= silences_max && replicas_.size() > 1) return seek();
    send(at_, watch_ping{id_});
  }

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
  void taken(revision at) {
    if (at_) send(at_, watch_taken{id_, at});
  }
  template <class What>
  void tell(What what) {
    send(user_, std::move(what));
  }
  void end(watch_end why, revision lowest) {
    leave();
    tell(watch_ended{s_.id, why, next_, lowest});
    quit();
  }

  caf::actor client_, user_;
  watcher_settings s_;
  revision next_ = 0;  // the first not delivered; 0: not known yet
  bool told_ = false;
  std::map<std::string, caf::actor> replicas_;
  std::string tried_, serving_;
  caf::actor at_;  // the replica that serves it; null: none
  watch_id id_ = 0;
  std::size_t attempts_ = 0;
  bool preferred_ = true, heard_ = false;
  int silences_ = 0, out_of_touch_ = 0;
};
}  // namespace

caf::actor spawn_watcher(caf::actor_system& system, caf::actor client, caf::actor user,
                         watcher_settings settings) {
  return system.spawn<in_loop<watcher>>(std::move(client), std::move(user), std::move(settings));
}
}  // namespace troupe::storage
