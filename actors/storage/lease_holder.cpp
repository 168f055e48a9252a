#include "actors/storage/lease_holder.hpp"

#include "actors/storage/map_client.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include <caf/all.hpp>
namespace troupe::storage {
struct holder_tick {};
TROUPE_MESSAGE(holder_tick)
}  // namespace troupe::storage
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::storage::holder_tick)

namespace troupe::storage {
namespace {
class lease_holder : public caf::event_based_actor {
 public:
  lease_holder(caf::actor_config& config, caf::actor client, caf::actor owner,
               lease_holder_settings settings)
      : caf::event_based_actor{config},
        client_{std::move(client)},
        owner_{std::move(owner)},
        s_{settings} {
    assert(s_.margin < s_.ttl);
  }
  const char* name() const override { return "lease-holder"; }
  void on_exit() override {
    client_ = nullptr;
    owner_ = nullptr;
  }

  caf::behavior make_behavior() override {
    monitor(owner_);
    set_down_handler([this](const caf::down_msg&) {
      if (!s_.revoked_with_owner) return quit();
      revoke();
    });
    grant();
    return {
        [this](holder_tick) {
          armed_.reset();
          look();
        },
        [this](release_lease) { release(); },
    };
  }

 private:
  instant now() {  // not after the time as it is: deadlines are early rather than late
    return std::chrono::floor<instant>(clock().now().time_since_epoch());
  }

  void grant() {
    const auto sent = now();
    deadline_ = sent + s_.ttl - s_.margin;
    const auto attempt = ++attempt_;
    ask_map(this, client_, s_.ttl, command{lease_grant{s_.ttl, 0}},
            [this, sent, attempt](caf::expected<reply> r) {
              if (over_ || attempt != attempt_) return;
              if (!r) return;  // the deadline asks anew; a lease that nobody knows runs out
              if (const auto* no = std::get_if<refused>(&r->what))
                return lose(lease_loss::refused, explain(no->why));
              const auto* given = std::get_if<granted>(&r->what);
              if (given == nullptr || now() >= deadline_) return;
              lease_ = given->id;
              next_ = sent + s_.ttl / 3;
              send(owner_, lease_held{lease_, given->ttl});
              look();
            });
    arm();
  }

  void look() {
    if (over_) return;
    const auto at = now();
    if (at >= deadline_) {
      if (lease_ == 0) return grant();
      return lose(lease_loss::lapsed, "no keepalive was confirmed in time");
    }
    if (lease_ != 0 && at >= next_) keep_alive();
    arm();
  }

  void keep_alive() {
    const auto sent = now();
    next_ = sent + s_.ttl / 3;
    ask_leader(this, client_, s_.ttl, keepalive{lease_},
               [this, sent](caf::expected<host_answer> a) {
                 if (over_) return;
                 if (!a) {
                   next_ = std::min(next_, now() + s_.ttl / 10);
                   return arm();
                 }
                 if (std::holds_alternative<not_kept>(*a))
                   return lose(lease_loss::gone, "the map's leader says that the lease is gone");
                 deadline_ = std::max(deadline_, sent + s_.ttl - s_.margin);
               });
  }

  void lose(lease_loss why, std::string sentence) {
    over_ = true;
    send<caf::message_priority::high>(owner_, lease_lost{lease_, why, std::move(sentence)});
    quit();
  }
  // Nobody may have it before the owner has let go.
  void release() {
    if (std::exchange(over_, true)) return;
    request<caf::message_priority::high>(
        owner_, caf::infinite, lease_lost{lease_, lease_loss::released, "it was given back"})
        .then([this] { revoke(); }, [this](const caf::error&) { revoke(); });
  }
  void revoke() {
    over_ = true;
    if (lease_ == 0) return quit();
    ask_map(this, client_, s_.ttl, command{lease_revoke{lease_, 0}},
            [this](const caf::expected<reply>&) { quit(); });  // else it runs out
  }

  void arm() {
    const auto due = lease_ == 0 ? deadline_ : std::min(deadline_, next_);
    if (armed_ && *armed_ <= due) return;
    armed_ = due;
    const auto at = clock().now().time_since_epoch();
    delayed_send(this, due > at ? due - at : caf::timespan{0}, holder_tick{});
  }

  caf::actor client_, owner_;
  lease_holder_settings s_;
  lease_id lease_ = 0;
  std::uint64_t attempt_ = 0;
  instant deadline_{}, next_{};
  bool over_ = false;
  std::optional<instant> armed_;
};
}  // namespace

caf::actor spawn_lease_holder(caf::actor_system& system, caf::actor client, caf::actor owner,
                              lease_holder_settings settings) {
  return system.spawn<lease_holder>(std::move(client), std::move(owner), settings);
}
}  // namespace troupe::storage
