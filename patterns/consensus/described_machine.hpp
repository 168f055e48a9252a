// A replicated state machine from an ordinary struct of the user's own: what it is told and asked are structs as well, and
// bytes, snapshots and nonsense are seen to here.
//   struct deposit { std::string whom; std::int64_t sum = 0; };
//   TROUPE_MESSAGE(deposit, whom, sum)
//   struct balance { std::string whom; };
//   TROUPE_MESSAGE(balance, whom)
//   struct bank {
//     using command = std::variant<deposit>;   // goes through the log
//     using question = std::variant<balance>;  // changes nothing
//     std::int64_t apply(const deposit& d) { return accounts[d.whom] += d.sum; }
//     std::int64_t answer(const balance& b) const { return ...; }
//     std::map<std::string, std::int64_t> accounts;
//   };
//   TROUPE_MESSAGE(bank, accounts)
//   `apply` may take the place in the log as well: apply(const deposit&, const applied&). It may return nothing
//   Promises  what is no command, and a command whose `apply` throws, gets a refusal as its reply, the same on every replica
//   Assumes   of `apply`: see state_machine.hpp. All of the state is in the described fields
//   Beware    what an `apply` that throws has changed until then stays
//             commands are in logs: new ones go at the variant's end, new fields at a struct's (patterns/encoding.hpp)
#pragma once
#include "patterns/consensus/state_machine.hpp"
#include "patterns/encoding.hpp"

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>
namespace troupe {
struct no_value {};  // the reply of an `apply` that returns nothing
TROUPE_MESSAGE(no_value)

namespace described_detail {
struct refusal {
  std::string why;
};
TROUPE_MESSAGE(refusal, why)
template <class State, class Command>
auto apply(State& s, const Command& c, const applied& at) {
  if constexpr (requires { s.apply(c, at); })
    return s.apply(c, at);
  else
    return s.apply(c);
}
template <class State, class What>
auto reply_type() {
  if constexpr (requires(const State& s, const What& q) { s.answer(q); })
    return std::type_identity<decltype(std::declval<const State&>().answer(
        std::declval<const What&>()))>{};
  else
    return std::type_identity<decltype(apply(std::declval<State&>(), std::declval<const What&>(),
                                             std::declval<const applied&>()))>{};
}
template <class State, class What>
using raw_reply = typename decltype(reply_type<State, What>())::type;

// What `work` returns, or why there is none.
template <class Work>
std::string reply_bytes(Work work) {
  using raw = decltype(work());
  using told = std::conditional_t<std::is_void_v<raw>, no_value, raw>;
  std::variant<told, refusal> reply;
  try {
    if constexpr (std::is_void_v<raw>)
      work();
    else
      reply.template emplace<0>(work());
  } catch (const std::exception& e) {
    reply = refusal{e.what()};
  } catch (...) {
    reply = refusal{"it has thrown something that is no std::exception"};
  }
  return encode(reply);
}
inline std::string not_understood(encoding_failure why) {
  return encode(std::variant<no_value, refusal>{
      refusal{"the group does not know such a command or question: " + to_string(why)}});
}
}  // namespace described_detail

// What State replies to a command or question of this type.
template <class State, class What>
using reply_of = std::conditional_t<std::is_void_v<described_detail::raw_reply<State, What>>,
                                    no_value, described_detail::raw_reply<State, What>>;

template <class State>
class described_machine final : public state_machine {
 public:
  explicit described_machine(State initial = {}) : state_{std::move(initial)} {}
  std::string apply(const applied& at, std::string_view bytes) override {
    const auto c = decode<typename State::command>(bytes);
    if (!c) return described_detail::not_understood(c.error());
    return std::visit(
        [&](const auto& one) {
          return described_detail::reply_bytes(
              [&] { return described_detail::apply(state_, one, at); });
        },
        *c);
  }
  std::string query(std::string_view bytes) const override {
    const auto q = decode<typename State::question>(bytes);
    if (!q) return described_detail::not_understood(q.error());
    return std::visit(
        [&](const auto& one) {
          return described_detail::reply_bytes([&] { return state_.answer(one); });
        },
        *q);
  }
  std::string snapshot() const override { return encode(state_); }
  result<void, std::string> restore(std::string_view bytes) override {
    auto read = decode<State>(bytes);
    if (!read)
      return unexpected{"the snapshot is none of this state machine's: " + to_string(read.error())};
    state_ = std::move(*read);
    return {};
  }
  const State& state() const { return state_; }

 private:
  State state_;
};

template <class State>
std::string command_bytes(typename State::command what) {
  return encode(what);
}
template <class State>
std::string question_bytes(typename State::question what) {
  return encode(what);
}
// The reply to a command or question of type What, or the sentence of a refusal.
template <class State, class What>
result<reply_of<State, What>, std::string> read_reply(std::string_view bytes) {
  auto read = decode<std::variant<reply_of<State, What>, described_detail::refusal>>(bytes);
  if (!read)
    return unexpected{"the reply is none of this state machine's: " + to_string(read.error())};
  if (auto* const no = std::get_if<1>(&*read)) return unexpected{std::move(no->why)};
  return std::move(std::get<0>(*read));
}
}  // namespace troupe
