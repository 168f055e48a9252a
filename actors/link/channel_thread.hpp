// A channel's two ends for threads that may block: detached actors, workers, tests.
//   channel::reader in{system, id};                       // first, so that it knows the channel
//   ... tell the other side: id and in.handle() ...
//   channel::writer out{system, id, their_handle};
//   if (auto e = out.write(bytes)) ...                    // blocks while the window is full
//   if (auto e = out.finish()) ...                        // blocks until the receiver has taken all
//
//   std::string bytes;
//   while (in.read(bytes)) use(bytes);                    // blocks; false: the end, or in.error()
//   if (in.error()) ...
// Behind each stands an actor of its own that speaks for it; it ends with its object.
//   Promises  those of channel.hpp; nobody blocks for ever: a death, be it of the own pump, a session gone for longer than
//             settings.resume, and abort from any thread end all calls with an error
//   Beware    one thread at a time writes or reads; a destroyed writer that has not finished aborts; small writes are
//             gathered until a chunk is full, so flush what somebody waits for. Never use them in an actor that is not
//             detached
#pragma once
#include "patterns/link/channel.hpp"

#include <memory>
#include <string>
#include <string_view>

#include <caf/actor.hpp>
#include <caf/error.hpp>
#include <caf/fwd.hpp>
namespace troupe::channel {
class writer {
 public:
  // A null sink comes later, with attach.
  writer(caf::actor_system& system, id channel, const caf::actor& sink, settings s = {});
  ~writer();
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  caf::error write(std::string_view bytes);
  caf::error flush();
  caf::error finish();
  void abort(std::string sentence);
  // The sink, or a fresh handle after its session has ended.
  void attach(const caf::actor& sink);
  std::uint64_t acknowledged() const;

 private:
  struct state;
  caf::error over() const;  // under the lock: why nothing can be written any more, or none
  caf::error push(std::string bytes);
  settings settings_;
  std::string gathered_;
  std::shared_ptr<state> state_;
  caf::actor pump_;
};

class reader {
 public:
  reader(caf::actor_system& system, id channel, settings s = {});
  ~reader();
  reader(const reader&) = delete;
  reader& operator=(const reader&) = delete;

  const caf::actor& handle() const { return pump_; }  // the sink, for the sender
  // The next bytes. False: no more will come, and error() says whether this is the end.
  bool read(std::string& bytes);
  caf::error error() const;
  void abort(std::string sentence);
  void attach(const caf::actor& source);

 private:
  struct state;
  std::size_t unreported_ = 0;  // read and not yet given back as credit
  std::size_t quantum_;
  std::shared_ptr<state> state_;
  caf::actor pump_;
};
}  // namespace troupe::channel
