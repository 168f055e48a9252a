#include "actors/tree/tree_watcher.hpp"

#include "actors/consensus/protocol.hpp"
#include "actors/tree/tree_client.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/peers.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <caf/all.hpp>
namespace troupe::tree {
struct watcher_tick {};
TROUPE_MESSAGE(watcher_tick)
struct resolve_now {};
TROUPE_MESSAGE(resolve_now)
struct seek_again {};
TROUPE_MESSAGE(seek_again)
}  // namespace troupe::tree
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::tree::watcher_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::tree::resolve_now)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::tree::seek_again)

namespace troupe::tree {
namespace {
constexpr std::chrono::minutes long_enough{10};  // the client ends by its own patience before
constexpr int silences_max = 2;

class watcher : public caf::event_based_actor {
 public:
  watcher(caf::actor_config& config, caf::actor client, caf::actor user,
          tree_watcher_settings settings)
      : caf::event_based_actor{config},
        client_{std::move(client)},
        user_{std::move(user)},
        s_{std::move(settings)},
        seen_{s_.seen} {}
  const char* name() const override { return "tree-watcher"; }

  void on_exit() override {
    part();
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
    if (seen_)
      seek();
    else
      resolve();
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
          out_of_touch_ = what.in_touch ? 0 : out_of_touch_ + 1;
        },
        [this](const watch_refused& what) {
          if (what.id != id_) return;
          forget();
          if (what.why == refusal::behind || what.why == refusal::too_many_watches) return seek();
          send(user_, watch_refused{s_.id, what.why, what.at});
          quit();
        },
        [this](const watch_closed& what) {
          if (what.id != id_) return;
          forget();
          seek();
        },
        [this](watcher_tick) {
          delayed_send(this, s_.silence, watcher_tick{});
          look();
        },
        [this](resolve_now) { resolve(); },
        [this](seek_again) {
          attempts_ = 0;
          waits_ = false;
          if (!at_) seek();
        },
    };
  }

 private:
  // Where now is: after all that was done before this watch was asked for.
  void resolve() {
    ask_tree(this, client_, long_enough, question{status{}}, [this](caf::expected<reply> r) {
      if (!r) return delayed_send(this, s_.silence / 4, resolve_now{});
      seen_ = r->at;
      seek();
    });
  }

  // At the preferred replica first, then in turn; when all have been asked, again after a while.
  void seek() {
    part();
    if (!seen_ || replicas_.empty()) return;
    if (attempts_ >= replicas_.size()) {
      if (!std::exchange(waits_, true)) delayed_send(this, s_.silence / 10, seek_again{});
      return;
    }
    ++attempts_;
    const auto& [node, replica] = *choose();
    serving_ = tried_ = node;
    at_ = replica;
    monitor(at_);
    silences_ = out_of_touch_ = 0;
    heard_ = false;
    send(at_, set_watch{this, ++id_, s_.what, seen_});
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
  void part() {
    if (!at_) return;
    send(at_, remove_watch{id_});
    forget();
  }
  void forget() {
    if (!at_) return;
    demonitor(at_.address());
    at_ = nullptr;
    serving_.clear();
    ++id_;  // what it still has under way to here is another watch's
  }

  void heard(zxid at) {
    seen_ = std::max(seen_.value_or(0), at);
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

  caf::actor client_, user_;
  tree_watcher_settings s_;
  std::optional<zxid> seen_;  // everything up to here has been told
  bool told_ = false;
  std::map<std::string, caf::actor> replicas_;
  std::string tried_, serving_;
  caf::actor at_;  // the replica that serves it; null: none
  watch_id id_ = 0;
  std::size_t attempts_ = 0;
  bool preferred_ = true, heard_ = false, waits_ = false;
  int silences_ = 0, out_of_touch_ = 0;
};
}  // namespace

caf::actor spawn_tree_watcher(caf::actor_system& system, caf::actor client, caf::actor user,
                              tree_watcher_settings settings) {
  return system.spawn<watcher>(std::move(client), std::move(user), std::move(settings));
}
}  // namespace troupe::tree
