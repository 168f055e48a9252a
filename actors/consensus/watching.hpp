// A watch, whatever the group: it begins where it is told to, or finds out first where now is; one replica after another
// serves it (served.hpp); it ends with its user.
#pragma once
#include "actors/consensus/served.hpp"
#include "runtime/codec/inspect.hpp"

#include <cstdint>
#include <utility>

#include <caf/all.hpp>
namespace troupe::consensus {
struct resolve_again {};
TROUPE_MESSAGE(resolve_again)
}  // namespace troupe::consensus
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::resolve_again)

namespace troupe::consensus {
class watching : public caf::event_based_actor, protected served {
 public:
  watching(caf::actor_config& config, caf::actor client, caf::actor user, served_settings settings)
      : caf::event_based_actor{config},
        served{this, std::move(client), settings},
        user_{std::move(user)},
        retry_{settings.silence / 4} {}
  void on_exit() override {
    clear();
    user_ = nullptr;
  }

 protected:
  static constexpr std::chrono::minutes long_enough{
      10};  // the client ends by its own patience before
  // Part of the behavior. `resolved`: where it begins is known.
  caf::message_handler watch_on(bool resolved) {
    set_down_handler([this](const caf::down_msg& gone) {
      if (user_.address() == gone.source) return quit();
      down(gone);
    });
    monitor(user_);
    begin();
    if (resolved)
      want();
    else
      resolve();
    return handlers().or_else([this](resolve_again) { resolve(); });
  }
  virtual void resolve() = 0;  // where now is, after all that was done before; then want(), or:
  void unresolved() { delayed_send(this, retry_, resolve_again{}); }

  caf::actor user_;
  std::uint64_t id_ = 0;  // of the watch at the replica; what comes under another is late

 private:
  std::chrono::milliseconds retry_;
};
}  // namespace troupe::consensus
