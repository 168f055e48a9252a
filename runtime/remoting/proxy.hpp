// What an actor of another node is here: takes messages in the sender's thread and writes them to the peer.
//   Promises  kept alive by whoever holds it, and by monitors and links on it, by nothing else; when it goes, the owner
//             is told
#pragma once
#include <memory>

#include <caf/actor_proxy.hpp>

namespace troupe::remoting {
class association;

class proxy final : public caf::actor_proxy {
 public:
  proxy(caf::actor_config& config, std::shared_ptr<association> way);
  ~proxy() override;

  using caf::actor_proxy::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* unit) override;
  void attach(caf::attachable_ptr watcher) override;
  size_t detach(const caf::attachable::token& what) override;
  bool add_backlink(caf::abstract_actor* other) override;
  bool remove_backlink(caf::abstract_actor* other) override;
  // CAF's registry serves us for one decoded message at a time and kills what it forgets: not so here.
  void kill_proxy(caf::execution_unit*, caf::error) override {}
  void on_destroy() override;

  // For good: monitors and links fire.
  void die(const caf::error& reason);
  // An actor of ours is linked by its own node's word: nothing to tell the peer.
  void link_quietly(caf::abstract_actor* ours);
  void unlink_quietly(caf::abstract_actor* ours);

 private:
  std::shared_ptr<association> way_;
};
}  // namespace troupe::remoting
