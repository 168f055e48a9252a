// Channels for bulk data between two actors: what an event-based actor embeds. For threads that may block there
// are channel::writer and channel::reader (actors/link/channel_thread.hpp).
//   struct state { std::optional<channel::channels> bulk; };
//   self->state.bulk.emplace(self);
//   self->set_down_handler([=](const caf::down_msg& d) { self->state.bulk->down(d) || mine(d); });
//   return my_handlers.or_else(self->state.bulk->handlers());
// The sender:
//   auto& out = bulk->open_source(id, sink_actor, {.space = [=] { write_more(); }, .over = [=](caf::error e) { ... }});
//   while (out.accepts() && more()) out.write(next());
//   out.finish();                                   // `over` is called without an error when all has arrived
// The receiver, which needs no handle of the sender:
//   bulk->open_sink(id, {.data = [=](std::string bytes) { use(bytes); sink->consumed(bytes.size()); },
//                        .over = [=](caf::error e) { ... }});   // no error: the end
// Both sides agree on the id beforehand (fresh_id), say in the request that leads to the transfer.
//   Promises  those of patterns/link/channel.hpp; `over` is called once, and the side is forgotten after it, so that
//             references to it end there; an actor that ends, or calls close, breaks its channels off
//   Resuming  a handle whose session has ended is waited for; the new one is learned from the peer's next message, so
//             that one side has to get the other's fresh handle: attach(handle)
//   Lanes     chunks are registered as "bulk.chunk", which the link sends behind all else
//   Beware    open the sink before the sender is told of it: messages of unknown channels are answered with a failure;
//             callbacks run in the actor, and may call anything here, close and open_* of their own id included; what
//             is closed or replaced is told nothing more. They may not destroy the channels
#pragma once
#include "patterns/link/channel.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/error.hpp>
#include <caf/fwd.hpp>
#include <caf/message_handler.hpp>
namespace troupe::channel {
// Once a process, in its configuration.
void register_types(caf::actor_system_config& config);

id fresh_id(caf::actor_system& system);  // random

caf::error to_error(const failure& f);

// What remains of one in the actor is told by `over`: none, or why it failed.
struct source_events {
  std::function<void()> space{};  // accepts() has become true
  std::function<void(caf::error)> over{};
  std::function<void(std::uint64_t acknowledged)> progress{};
};
struct sink_events {
  std::function<void(std::string)> data{};  // in order; answer with consumed(size), now or later
  std::function<void(caf::error)> over{};
};

class channels;

class source {
 public:
  bool accepts() const { return !replaced_ && core_.accepts(); }
  std::uint64_t acknowledged() const { return core_.acknowledged(); }
  bool write(std::string data);  // false: it is over, or finished
  void finish();
  void abort(std::string sentence);
  void attach(const caf::actor& sink);  // a fresh handle, after the old one's session has ended

 private:
  friend class channels;
  source(channels& home, id channel, source_events events, settings s);
  template <class In>
  void step(In&& in);
  void meet(const caf::strong_actor_ptr& who);
  void part(bool for_good);
  void replace();
  channels& home_;
  id id_;
  sender core_;
  // Shared with the step that runs a callback, which may end this side. Null: nothing more is told.
  std::shared_ptr<const source_events> events_;
  caf::strong_actor_ptr peer_;
  bool replaced_ = false;
  bool full_ = false;
  std::uint64_t told_ = 0;
};

class sink {
 public:
  void consumed(std::size_t bytes);
  void abort(std::string sentence);
  void attach(const caf::actor& source);

 private:
  friend class channels;
  sink(channels& home, id channel, sink_events events, settings s);
  template <class In>
  void step(In&& in);
  void meet(const caf::strong_actor_ptr& who);
  void part(bool for_good);
  void replace();
  channels& home_;
  id id_;
  receiver core_;
  std::shared_ptr<const sink_events> events_;
  caf::strong_actor_ptr peer_;
  bool replaced_ = false;
};

class channels {
 public:
  explicit channels(caf::event_based_actor* self);
  channels(const channels&) = delete;
  channels& operator=(const channels&) = delete;

  // For the actor's behavior, with or_else.
  caf::message_handler handlers();
  // From its down handler: whether this was a peer of a channel.
  bool down(const caf::down_msg& what);

  source& open_source(id channel, const caf::actor& sink, source_events events, settings s = {});
  sink& open_sink(id channel, sink_events events, settings s = {});
  source* find_source(id channel);
  sink* find_sink(id channel);
  void on_empty(std::function<void()> f) { empty_ = std::move(f); }  // the last one has gone
  void close(const std::string& why);  // aborts what is open, without `over`
  std::size_t size() const { return sources_.size() + sinks_.size(); }

 private:
  friend class source;
  friend class sink;
  // While one stands nothing is destroyed, and no place in the maps is lost.
  class busy {
   public:
    explicit busy(channels& home) : depth_{home.depth_} { ++depth_; }
    ~busy() { --depth_; }
    busy(const busy&) = delete;
    busy& operator=(const busy&) = delete;

   private:
    std::size_t& depth_;
  };
  instant now() const;
  void tick();
  void arm();
  void watch(const caf::strong_actor_ptr& who);
  void drop(const caf::strong_actor_ptr& who);
  void sweep();
  template <class F>
  void receive(F take);
  template <class Message>
  void send(const caf::strong_actor_ptr& to, Message&& what);

  caf::event_based_actor* self_;
  std::map<id, std::unique_ptr<source>> sources_;
  std::map<id, std::unique_ptr<sink>> sinks_;
  std::map<caf::strong_actor_ptr, std::size_t> watched_;
  // forgotten by sweep, once no step is running
  std::vector<id> finished_sources_, finished_sinks_;
  std::vector<std::unique_ptr<source>> replaced_sources_;
  std::vector<std::unique_ptr<sink>> replaced_sinks_;
  std::size_t depth_ = 0;
  std::function<void()> empty_{};
  bool armed_ = false;
};
}  // namespace troupe::channel
