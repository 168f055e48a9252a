// Looking into simulated actors, in virtual time: a probe is an actor that sends and keeps what comes; `ask` is one
// request.
//   auto p = sim.watch_from(0);
//   p.send(counter, raise_atom::value);
//   CHECK(p.expect<std::uint64_t>(1s) == 1u);
//   Promises  time goes on only while something is waited for, and not beyond the limit
//   Beware    a probe ends with its actor system: in a cluster, with its node's life
#pragma once
#include "patterns/simulation/random.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <caf/all.hpp>
namespace troupe::laboratory {
using simulation::duration;
using simulation::instant;

// Whoever can let virtual time go on.
class clockwork {
 public:
  using condition = std::function<bool()>;
  virtual ~clockwork() = default;
  virtual instant now() = 0;
  // False: it did not come to hold within the limit. Asked every `stride`.
  virtual bool run_until(condition holds, duration limit,
                         duration stride = std::chrono::milliseconds{10}) = 0;
};

class probe {
 public:
  probe(clockwork& time, caf::actor_system& on);

  const caf::actor& actor() const { return self_; }  // for messages that carry a handle
  template <class... What>
  void send(const caf::actor& to, What&&... what) {
    caf::send_as(self_, to, std::forward<What>(what)...);
  }
  void monitor(const caf::actor& whom);  // a caf::down_msg will come

  // The next message, if it is one of these; none came within the limit, or another: nothing.
  template <class T>
  std::optional<T> expect(duration limit) {
    wait(limit);
    if (got_->empty() || !got_->front().template match_elements<T>()) return std::nullopt;
    auto what = got_->front().template get_as<T>(0);
    got_->pop_front();
    return what;
  }
  // The first of these, others before it are dropped.
  template <class T>
  std::optional<T> await(duration limit) {
    const auto last = time_->now() + limit;
    for (;;) {
      while (!got_->empty() && !got_->front().template match_elements<T>()) got_->pop_front();
      if (!got_->empty()) return expect<T>({});
      if (time_->now() >= last) return std::nullopt;
      wait(last - time_->now());
    }
  }
  bool nothing_within(duration limit);
  std::size_t waiting() const { return got_->size(); }
  std::string next() const;  // as text, for a test's message; empty: nothing is there

 private:
  void wait(duration limit);
  clockwork* time_;
  std::shared_ptr<std::deque<caf::message>> got_ = std::make_shared<std::deque<caf::message>>();
  caf::actor self_;
};

// A request from an actor of this system, and its answer; an error says what came instead. Without a limit it waits for
// what comes without time going on.
template <class T, class... What>
caf::expected<T> ask(clockwork& time, caf::actor_system& from, const caf::actor& whom, duration limit,
                     What&&... what) {
  auto answer = std::make_shared<std::optional<caf::expected<T>>>();
  auto request = caf::make_message(std::forward<What>(what)...);
  from.spawn([=](caf::event_based_actor* self) {
    const auto failed = [=](caf::error& e) { answer->emplace(std::move(e)); };
    auto sent = self->request(whom, limit > duration{} ? caf::duration{caf::timespan{limit}} : caf::infinite, request);
    if constexpr (std::is_void_v<T>) {
      sent.then([=] { answer->emplace(caf::unit); }, failed);
    } else {
      sent.then([=](T& value) { answer->emplace(std::move(value)); }, failed);
    }
  });
  constexpr std::chrono::milliseconds grain{1};
  time.run_until([&] { return answer->has_value(); }, limit + grain, grain);
  if (*answer) return std::move(**answer);
  return make_error(errc::timeout, "nobody answered within the limit, of virtual time");
}
}  // namespace troupe::laboratory
