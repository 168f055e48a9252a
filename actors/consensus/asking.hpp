// Requests of a group's client, by who makes them for others: the reply as the struct that it encodes.
//   Assumes  self lives on, or nothing is called any more
//   Beware   a client whose node is lost may never answer: with endless patience the time is the caller's to keep
#pragma once
#include "actors/consensus/protocol.hpp"
#include "patterns/encoding.hpp"
#include "runtime/error.hpp"

#include <chrono>
#include <functional>
#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/expected.hpp>
namespace troupe::consensus {
constexpr auto endless = std::chrono::milliseconds::max();

inline caf::error senseless() {
  return make_error(
      errc::unknown_outcome,
      "the answer of the group's replica makes no sense to this version: look whether "
      "it was done, and whether all nodes run the same version");
}

// `what` is a command or a question. The includer includes runtime/codec/inspect.hpp as well.
template <class Answer, class Request>
void ask_for(caf::event_based_actor* self, const caf::actor& client,
             std::chrono::milliseconds patience, Request what,
             std::function<void(caf::expected<Answer>)> then) {
  const auto time = patience == endless ? caf::duration{caf::infinite} : caf::duration{patience};
  self->request(client, time, std::move(what))
      .then(
          [then](const reply& r) {
            auto answer = decode<Answer>(r.bytes);
            if (answer) return then(std::move(*answer));
            then(senseless());
          },
          [then](caf::error& why) { then(std::move(why)); });
}
}  // namespace troupe::consensus
