// What stands between a core and the world: a host makes the core from what was persisted, hands
// inputs in, and says what the core's output means. The same part that an actor plays in a cluster
// (ARCHITECTURE.md, sections 2 and 3), without actors.
//   struct counter_host {
//     using message = merge;                      // between members
//     using command = add;                        // from outside
//     using event = std::string;                  // what the host's log would say
//     explicit counter_host(const life& of);      // of.persisted: what the disk has kept
//     void receive(member from, message m, instant now, output& out);
//     void command_given(const command& c, instant now, output& out);
//     void tick(instant now, output& out);
//     instant due() const;                        // of its own clock; instant::max(): never
//     void persisted(std::uint64_t upto, instant now, output& out);             // if it wants
//     void lost(member peer, std::uint32_t its_life, instant now, output& out); // if it wants
//     static void describe(const event& e, std::string& fields);                // if it wants
//   };
// The world obeys as actors do: what a step persists is synced before its `send` and its events
// leave, and what later steps send waits behind it, in order, as with a journal that commits in
// groups; `send_now` leaves at once.
#pragma once
#include "patterns/simulation/disk.hpp"
#include "patterns/simulation/fault.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>
namespace troupe::simulation {
struct life {  // of a member's process
  member self = 0;
  std::uint32_t number = 1;  // rises with each start
  std::uint64_t seed = 0;    // this life's own
  instant now{};             // on the member's clock
  const disk& persisted;
  bool rebuilt = false;  // by its own process, which may remember what it was (effects::again)
};

template <class Message>
struct letter {
  member to = 0;
  Message what{};
};

template <class Message, class Event>
struct effects {
  std::vector<std::string> persist{};
  std::vector<letter<Message>> send_now{};
  std::vector<letter<Message>> send{};
  std::vector<Event> events{};
  bool stop = false;                // the process ends by itself
  std::optional<duration> again{};  // and is started anew after so long
  void clear() {
    persist.clear();
    send_now.clear();
    send.clear();
    events.clear();
    stop = false;
    again.reset();
  }
};
template <class Host>
using effects_of = effects<typename Host::message, typename Host::event>;

template <class Host>
concept hosts = std::move_constructible<Host> &&
    requires(Host h, member m, typename Host::message w, const typename Host::command& c,
             instant now, effects_of<Host>& out) {
  h.receive(m, std::move(w), now, out);
  h.command_given(c, now, out);
  h.tick(now, out);
  { h.due() } -> std::same_as<instant>;
};

template <class Host>
concept described = requires(const typename Host::event& e, std::string& fields) {
  Host::describe(e, fields);
};

// Several kinds in one world. They share message, command and event, variants where they differ;
// a member's maker returns the kind it is.
template <hosts First, hosts... Rest>
class any_of {
  static_assert((std::same_as<typename First::message, typename Rest::message> && ...));
  static_assert((std::same_as<typename First::command, typename Rest::command> && ...));
  static_assert((std::same_as<typename First::event, typename Rest::event> && ...));

 public:
  using message = typename First::message;
  using command = typename First::command;
  using event = typename First::event;
  using output = effects<message, event>;
  template <class Kind>
  requires(!std::same_as<std::remove_cvref_t<Kind>, any_of>) any_of(Kind&& host)
      : held_(std::forward<Kind>(host)) {}
  void receive(member from, message m, instant now, output& out) {
    std::visit([&](auto& h) { h.receive(from, std::move(m), now, out); }, held_);
  }
  void command_given(const command& c, instant now, output& out) {
    std::visit([&](auto& h) { h.command_given(c, now, out); }, held_);
  }
  void tick(instant now, output& out) {
    std::visit([&](auto& h) { h.tick(now, out); }, held_);
  }
  instant due() const {
    return std::visit([](const auto& h) -> instant { return h.due(); }, held_);
  }
  void persisted(std::uint64_t upto, instant now, output& out) {
    const auto tell = [&](auto& h) {
      if constexpr (requires { h.persisted(upto, now, out); }) h.persisted(upto, now, out);
    };
    std::visit(tell, held_);
  }
  void lost(member peer, std::uint32_t its_life, instant now, output& out) {
    const auto tell = [&](auto& h) {
      if constexpr (requires { h.lost(peer, its_life, now, out); })
        h.lost(peer, its_life, now, out);
    };
    std::visit(tell, held_);
  }
  static void describe(const event& e,
                       std::string& fields) requires(described<First> || (described<Rest> || ...)) {
    const auto tell = [&]<class Kind>(std::type_identity<Kind>) {
      if constexpr (described<Kind>) Kind::describe(e, fields);
      return described<Kind>;
    };
    (void)(tell(std::type_identity<First>{}) || (tell(std::type_identity<Rest>{}) || ...));
  }
  template <class Kind>
  const Kind* as() const {
    return std::get_if<Kind>(&held_);
  }

 private:
  std::variant<First, Rest...> held_;
};
}  // namespace troupe::simulation
