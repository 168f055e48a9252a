// Looking into a simulated cluster, in virtual time: a probe is an actor on one of its nodes that sends and keeps what
// comes; `ask` is one request.
//   auto p = sim.watch_from(0);
//   p.send(counter, raise_atom::value);
//   CHECK(p.expect<std::uint64_t>(1s) == 1u);
//   Promises  time goes on only while something is waited for, and not beyond the limit
//   Beware    a probe lives and dies with its node's life
#pragma once
#include "cluster/simulator.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include <caf/all.hpp>
namespace troupe::laboratory {
class probe {
 public:
  probe(simulation& home, simulated_node& on);

  const caf::actor& actor() const { return self_; }  // for messages that carry a handle
  template <class... What>
  void send(const caf::actor& to, What&&... what) {
    caf::send_as(self_, to, std::forward<What>(what)...);
  }
  void monitor(const caf::actor& whom);

  // The next message, and whether it is one of these; none came within the limit: nothing.
  template <class T>
  std::optional<T> expect(duration limit) {
    wait(limit);
    if (got_->empty() || !got_->front().template match_elements<T>()) return std::nullopt;
    auto what = got_->front().template get_as<T>(0);
    got_->pop_front();
    return what;
  }
  // Any message of this type, others are dropped.
  template <class T>
  std::optional<T> await(duration limit) {
    const auto last = home_->now() + limit;
    for (;;) {
      while (!got_->empty() && !got_->front().template match_elements<T>()) got_->pop_front();
      if (auto what = got_->empty() ? std::nullopt : expect<T>({})) return what;
      if (home_->now() >= last) return std::nullopt;
      wait(last - home_->now());
    }
  }
  bool nothing_within(duration limit);
  std::size_t waiting() const { return got_->size(); }
  // That nobody has taken yet, as text.
  std::string next() const { return got_->empty() ? std::string{} : caf::to_string(got_->front()); }

 private:
  void wait(duration limit);
  simulation* home_;
  std::shared_ptr<std::deque<caf::message>> got_ = std::make_shared<std::deque<caf::message>>();
  caf::actor self_;
};

// A request from one of the nodes, and its answer.
template <class T, class... What>
caf::expected<T> ask(simulation& home, local_node& from, const caf::actor& whom, duration limit, What&&... what) {
  auto answer = std::make_shared<std::optional<caf::expected<T>>>();
  auto request = caf::make_message(std::forward<What>(what)...);
  from.system().spawn([=](caf::event_based_actor* self) {
    const auto failed = [=](caf::error& e) { answer->emplace(std::move(e)); };
    auto sent = self->request(whom, caf::timespan{limit}, request);
    if constexpr (std::is_void_v<T>) {
      sent.then([=] { answer->emplace(caf::unit); }, failed);
    } else {
      sent.then([=](T& value) { answer->emplace(std::move(value)); }, failed);
    }
  });
  home.run_until([&] { return answer->has_value(); }, limit + std::chrono::milliseconds{1}, duration{1'000'000});
  if (*answer) return std::move(**answer);
  return make_error(errc::timeout, "nobody answered within the limit, of virtual time");
}
}  // namespace troupe::laboratory
