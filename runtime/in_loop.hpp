// An actor that runs in the thread of its system's connections, beside the broker: what comes for it from
// other nodes, and what it sends them, changes threads nowhere.
//   in_loop<map_replica>, spawned as any other class of actors
//   Promises  the same as the actor itself; without a network layer it runs in the scheduler
//   Beware    while it works, nothing is read from or written to any other node: for actors that answer
//             at once, never for code of a user's own
#pragma once
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>
namespace troupe {
template <class Actor>
class in_loop final : public Actor {
 public:
  template <class... Arguments>
  explicit in_loop(caf::actor_config& config, Arguments&&... its)
      : Actor{config, std::forward<Arguments>(its)...} {
    auto& system = this->home_system();
    if (system.has_middleman()) loop_ = &system.middleman().backend();
  }

  using Actor::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* from) override {
    Actor::enqueue(std::move(what), loop_ ? loop_ : from);
  }
  void launch(caf::execution_unit* from, bool lazy, bool hide) override {
    Actor::launch(loop_ ? loop_ : from, lazy, hide);
  }
  caf::resumable::subtype_t subtype() const override {
    return loop_ ? caf::resumable::io_actor : Actor::subtype();
  }

 private:
  caf::execution_unit* loop_ = nullptr;
};
}  // namespace troupe
