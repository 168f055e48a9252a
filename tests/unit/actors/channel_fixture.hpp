// What the tests of channels share: the bytes that are sent, and actors with channels that run a test's own code.
#pragma once
#include "actors/link/channel.hpp"
#include "virtual_world.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <caf/all.hpp>

namespace channel_test {
// Runs inside an actor, where it may send.
struct task {
  std::function<void()> run{};
};
}  // namespace channel_test
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(channel_test::task)

namespace channel_test {
namespace channel = troupe::channel;

// Byte i of the data under test.
inline char byte_at(std::uint64_t i) { return static_cast<char>((i * 2654435761U) >> 11); }
inline std::string piece(std::uint64_t from, std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = byte_at(from + i);
  return out;
}
inline bool holds(std::uint64_t from, const std::string& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != byte_at(from + i)) return false;
  }
  return true;
}

// An event-based actor with channels, for the virtual world.
struct party_state {
  std::unique_ptr<channel::channels> all{};
  channel::source* out = nullptr;
  channel::sink* in = nullptr;
  std::string got{};
  std::size_t held = 0;
  bool greedy = true;  // gives credit back at once
  int ended = 0;
  caf::error error{};
  std::uint64_t written = 0;
};
using party = caf::stateful_actor<party_state>;
inline caf::behavior run_party(party* self) {
  self->state.all = std::make_unique<channel::channels>(self);
  self->set_down_handler([=](const caf::down_msg& d) { self->state.all->down(d); });
  return caf::message_handler{[](const task& t) { t.run(); }}.or_else(self->state.all->handlers());
}
inline caf::actor join(troupe::test::virtual_world& w) {
  auto made = w.spawn(run_party);
  w.settle();
  return made;
}
inline party_state& state_of(const caf::actor& who) { return caf::actor_cast<party*>(who)->state; }
template <class F>
void act(const caf::actor& who, F f) {
  caf::anon_send(who, task{std::move(f)});
}
}  // namespace channel_test
