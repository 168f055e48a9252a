// Ways to a store of locks, for a trial of it: wishes that are answered when they are, and what must hold.
#pragma once
#include "actors/lock/store.hpp"
#include "cluster/program/lock_store.hpp"
#include "patterns/hex.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <caf/all.hpp>
namespace troupe::lock {
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
class way;
struct reply {  // comes when it comes
  wish asked;
  way* by = nullptr;
  std::mutex mutex;
  std::condition_variable came;
  std::optional<answer> what;
  clock_type::time_point at{};
};
struct question {
  wish what;
  std::shared_ptr<reply> to;
};
}  // namespace troupe::lock
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::question)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)

namespace troupe::lock {
struct broken {
  std::string why;
};
inline void ensure(bool holds, const std::string& otherwise) {
  if (!holds) throw broken{otherwise};
}
inline double seconds(clock_type::duration d) { return std::chrono::duration<double>(d).count(); }

inline caf::behavior asker(caf::event_based_actor* self, const caf::actor& store) {
  return {[=](question& q) {
    const auto arrive = [to = q.to](answer what) {
      const std::lock_guard guard{to->mutex};
      to->what = std::move(what);
      to->at = clock_type::now();
      to->came.notify_all();
    };
    self->request(store, caf::infinite, store_wish{std::move(q.what)})
        .then([=](store_answer& said) { arrive(std::move(said.what)); },
              [=](const caf::error&) { arrive(unanswered{}); });
  }};
}

// One way to the store.
class way {
 public:
  explicit way(program::lock_store& store)
      : asker_{store.system().spawn(asker, store.actor())}, system_{store.system()} {}
  ~way() { caf::anon_send_exit(asker_, caf::exit_reason::kill); }
  std::shared_ptr<reply> send(wish what) {
    auto to = std::make_shared<reply>();
    to->asked = what;
    to->by = this;
    caf::anon_send(asker_, question{std::move(what), to});
    return to;
  }
  std::string fresh() { return hex(fresh_seed(system_)); }

 private:
  caf::actor asker_;
  caf::actor_system& system_;
};

inline bool came(reply& r, clock_type::duration within) {
  std::unique_lock lock{r.mutex};
  return r.came.wait_for(lock, within, [&] { return r.what.has_value(); });
}
// Done or not is always an answer, which a busy machine makes: it is asked again.
inline answer settled_answer(const std::shared_ptr<reply>& to, const std::string& what) {
  auto r = to;
  for (int times = 1;; ++times) {
    ensure(came(*r, 20s), what + ": no answer within 20 s");
    if (!std::holds_alternative<unanswered>(*r->what)) break;
    ensure(times < 20, what + ": nobody knows whether it is done, asked again and again");
    std::this_thread::sleep_for(100ms);
    r = r->by->send(r->asked);
  }
  return *r->what;
}
template <class Kind>
Kind as(const std::shared_ptr<reply>& r, const std::string& what) {
  auto said = settled_answer(r, what);
  if (auto* kind = std::get_if<Kind>(&said)) return std::move(*kind);
  const auto* no = std::get_if<refused>(&said);
  throw broken{what + ": answered by kind " + std::to_string(said.index()) + " of answers" +
               (no ? ": " + no->why : "")};
}

// An await's answer: settled, or the line as it was then.
inline void gone_by(const std::shared_ptr<reply>& r, const std::string& what) {
  const auto said = settled_answer(r, what);
  const auto* all = std::get_if<seen>(&said);
  if (all == nullptr) return void(as<settled>(r, what));
  const auto& those = std::get<await>(r->asked).those;
  ensure(std::any_of(those.begin(), those.end(),
                     [&](const place& p) { return !find(all->all, p.ticket); }),
         what + ": answered with a line in which they all stand");
}
inline bool woken(reply& r, clock_type::duration within = 0s) {
  return came(r, within) && !std::holds_alternative<unanswered>(*r.what);
}
}  // namespace troupe::lock
