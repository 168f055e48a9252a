// One session with one incarnation, as the actors' side sees it: its proxies, what was exported to it, requests under way,
// and the way out. The broker attaches the session proper (patterns/link/session.hpp), which only it touches.
//   Promises  after `close` every proxy is dead and every pending request has its error; nothing gets in any more
//   Under     calls from any thread; locks are taken in the order handles, outbox, and no actor's lock inside them
#pragma once
#include "patterns/link/record.hpp"
#include "patterns/link/release.hpp"
#include "runtime/remoting/outbox.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <vector>

#include <caf/actor_control_block.hpp>
#include <caf/attachable.hpp>
#include <caf/error.hpp>
#include <caf/fwd.hpp>
#include <caf/node_id.hpp>

namespace troupe::remoting {
class hub;
class proxy;

// What nodes say to each other, in records without target: the body's first byte.
enum class node_word : std::uint8_t { gateway = 1, hold = 2 };

class association : public std::enable_shared_from_this<association> {
 public:
  association(std::shared_ptr<hub> home, const link::incarnation& peer, std::uint32_t number);
  ~association();
  const link::incarnation& peer() const { return peer_; }
  const caf::node_id& node() const { return node_; }
  std::uint32_t number() const { return number_; }
  bool closed() const { return closed_.load(std::memory_order_acquire); }
  bool waits() const { return waits_.load(std::memory_order_relaxed); }  // for a session to come
  void waits(bool w) { waits_.store(w, std::memory_order_relaxed); }

  // what proxies do, in the senders' threads
  void send(proxy& to, caf::mailbox_element_ptr what);
  void pin(const caf::strong_actor_ptr& proxy, std::size_t watchers);
  void unpin(caf::actor_id id, std::size_t watchers);
  void link(caf::actor_id theirs, caf::abstract_actor& ours, bool on);
  void dropped(caf::actor_id id, const caf::actor_control_block* which);

  // what the decoder does
  // The proxy of the peer's actor; `counted`: the peer has sent a handle. Null: too many, or closed.
  // With `known` it is told whether there was one, and counted if there was not.
  caf::strong_actor_ptr import(caf::actor_id id, bool counted, bool* known = nullptr);
  caf::strong_actor_ptr import_from_third(caf::actor_id id);
  void released(caf::actor_id id, std::uint64_t count);
  void watch(caf::actor_id ours);  // the peer's monitor
  void unwatch(caf::actor_id ours);
  void peer_ended(caf::actor_id theirs, const caf::error& reason);
  void held_by_peer(caf::actor_id ours);  // it got the handle from a third node

  // to the peer, past the high mark
  void tell_gateway();
  void tell_down(caf::actor_id ours, const caf::error& reason);
  void tell_error(caf::actor_id receiver, std::uint64_t id, const caf::error& why);
  void write(const link::record& what, link::lane on);

  // credit: bytes of a lane that mailboxes hold, and those that an actor is done with; the broker collects them. What is
  // consumed was told as delivered before, and is so when both are collected.
  void delivered(link::lane on, std::size_t bytes);
  void consumed(link::lane on, std::size_t bytes);
  struct account {
    std::array<std::uint64_t, link::lane_count> delivered{}, consumed{};
  };
  account collect();

  caf::actor_id gateway_of_peer() const { return peer_gateway_.load(std::memory_order_relaxed); }
  void gateway_of_peer(caf::actor_id id) { peer_gateway_.store(id, std::memory_order_relaxed); }
  void close(const caf::error& for_requests, const caf::error& exit_reason);

  outbox& out() { return out_; }
  std::size_t proxies() const;
  std::size_t exported() const;
  std::atomic<std::uint64_t> sent{0}, received{0}, dead_letters{0}, overloaded{0};

 private:
  struct held_proxy {
    caf::weak_actor_ptr weak;
    const caf::actor_control_block* which = nullptr;
    caf::strong_actor_ptr pinned;
    std::size_t watchers = 0;
  };
  bool exports(const caf::strong_actor_ptr& ours, bool findable);
  void take_back();
  void name_source(link::record& r, const caf::strong_actor_ptr& who);
  link::handle handle_of(const caf::strong_actor_ptr& who);
  void send_exit(proxy& to, caf::mailbox_element& what);
  void fail_unsent(const std::vector<link::buffer>& batches);
  void refuse(caf::mailbox_element_ptr& what, outbox::verdict why);
  void refuse_content(proxy& to, caf::mailbox_element_ptr& what, caf::error why);
  link::lane lane_of(bool urgent, caf::actor_id to, caf::actor_id from) const;

  const std::shared_ptr<hub> home_;
  const link::incarnation peer_;
  const std::uint32_t number_;
  const caf::node_id node_;
  std::atomic<bool> closed_{false}, waits_{false}, flooded_{false};
  std::atomic<caf::actor_id> peer_gateway_{0};
  outbox out_;

  mutable std::mutex handles_;
  std::unordered_map<caf::actor_id, held_proxy> proxies_;
  link::imports imports_;
  mutable std::mutex exported_;
  link::exports exports_;
  std::set<caf::actor_id> watched_;

  std::array<std::atomic<std::uint64_t>, link::lane_count> delivered_{}, consumed_{};
  std::atomic<bool> credit_told_{false};
};
}  // namespace troupe::remoting
