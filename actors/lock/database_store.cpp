#include "actors/lock/database_store.hpp"

#include "actors/lock/database_plan.hpp"
#include "actors/lock/readiness.hpp"
#include "actors/lock/store.hpp"
#include "patterns/hex.hpp"
#include "runtime/blocking.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <caf/all.hpp>
namespace troupe::lock {
struct database_batch {};
struct database_heard {};
struct database_tick {};
TROUPE_MESSAGE(database_batch)
TROUPE_MESSAGE(database_heard)
TROUPE_MESSAGE(database_tick)
}  // namespace troupe::lock
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::database_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::database_heard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::database_tick)

namespace troupe::lock {
namespace {
using promise = caf::typed_response_promise<store_answer>;
using std::chrono::microseconds;
using std::chrono::milliseconds;
constexpr std::size_t batch_max = 256, lines_max = 8;

// A thread of its own runs it, so that it may wait for the database.
class database_store : public caf::event_based_actor {
 public:
  database_store(caf::actor_config& config, database_ptr all)
      : caf::event_based_actor{config},
        database_{std::move(all)},
        fresh_{[this] { return hex(fresh_seed(system())) + hex(fresh_seed(system())); }},
        ear_{std::make_unique<readiness>(
            [to = caf::actor_cast<caf::actor_addr>(this)] { tell(to, database_heard{}); })} {}
  const char* name() const override { return "lock-store"; }
  void on_exit() override {
    ear_.reset();
    database_.reset();
    for (auto& a : queue_) a.whom.deliver(store_answer{unanswered{}});
    for (auto& [_, w] : waits_) w.whom.deliver(store_answer{unanswered{}});
    queue_.clear();
    waits_.clear();
    awaited_.clear();
    awaited_in_.clear();
  }
  caf::behavior make_behavior() override {
    arm();
    return {
        [this](store_wish& wanted) -> caf::result<store_answer> {
          auto to = make_response_promise<store_answer>();
          if (auto at_once = answer_at_once(wanted.what)) {
            to.deliver(store_answer{std::move(*at_once)});
            return to;
          }
          queue_.push_back({to, std::move(wanted.what)});
          batch_later();
          return to;
        },
        [this](database_batch) {
          batching_ = false;
          run(std::min(queue_.size(), batch_max));
          if (!queue_.empty()) batch_later();
        },
        [this](database_heard) { hear(); },
        [this](database_tick) {
          if (now() < armed_)
            return;  // an earlier one came after it was armed, and has armed another
          armed_ = instant::max();
          if (now() >= listen_at_) hear();
          look_at_due();
        },
    };
  }

 private:
  struct asked {
    promise whom;
    wish what;
  };
  struct waiting {
    promise whom;
    tickets those{};
  };
  struct awaited {
    std::string lock{};
    std::set<std::uint64_t> by{};  // waits
    instant due = instant::max();  // when its session may be over
  };

  static void tell(const caf::actor_addr& whom, database_heard what) {
    if (const auto to = caf::actor_cast<caf::actor>(whom)) caf::anon_send(to, what);
  }
  instant now() { return std::chrono::duration_cast<instant>(clock().now().time_since_epoch()); }
  // Behind all that is in the mailbox already, which so becomes one transaction.
  void batch_later() {
    if (!std::exchange(batching_, true)) send(this, database_batch{});
  }

  void run(std::size_t many) {
    std::vector<asked> batch{std::make_move_iterator(queue_.begin()),
                             std::make_move_iterator(queue_.begin() + static_cast<long>(many))};
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<long>(many));
    tickets fresh;
    for (auto& a : batch)
      if (const auto* w = std::get_if<await>(&a.what)) enrol(a.whom, *w, fresh);
    ear_->watch(-1);
    answer_all(batch, std::move(fresh));
    arm();
  }

  // Where it is refused nobody knows for whose sake: then each is asked for alone.
  void answer_all(std::vector<asked>& batch, tickets fresh) {
    std::vector<wish> wishes;
    for (const auto& a : batch) wishes.push_back(a.what);
    const auto p = plan_for(wishes, fresh_);
    const auto got = ask(p, std::move(fresh), batch.size() > 1);
    if (!got && got.error().how == sql_failure::kind::refused && batch.size() > 1) {
      for (auto& a : batch) {
        std::vector<asked> alone;
        alone.push_back(std::move(a));
        tickets its;
        if (const auto* w = std::get_if<await>(&alone[0].what))
          for (const auto& place : w->those) its.push_back(place.ticket);
        answer_all(alone, std::move(its));
      }
      return;
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (std::holds_alternative<await>(batch[i].what)) continue;
      if (!got)
        batch[i].whom.deliver(store_answer{answer_to(wishes[i], got.error())});
      else if (auto said = answer_to(wishes[i], p, p.parts[i], *got))
        batch[i].whom.deliver(store_answer{std::move(*said)});
    }
  }

  // Also ends the waits for what is gone: of `there`, of all that went in this transaction, and of what is not in the lines
  // that are seen. `again`: what is refused will be asked for in parts.
  result<sql_outcome, sql_failure> ask(const plan& what, const tickets& there, bool again) {
    auto looks = what.looks;
    for (const auto& c : what.changes)  // who waits behind one that leaves would look next
      if (c.what == sql::leave) look_at_line(std::get<std::string>(c.with[0]), looks);
    if (!there.empty()) looks.push_back({sql::there, {there}});
    auto got = database_->run(what.changes, looks);
    if (!got) {
      const bool refused = got.error().how == sql_failure::kind::refused;
      if (!refused || !again) failed(got.error(), there);
      return got;
    }
    if (std::exchange(failing_, false)) log::info("lock", "store works again", {});
    for (std::size_t i = 0; i < looks.size(); ++i)
      if (looks[i].what == sql::line)
        compare(std::get<std::string>(looks[i].with[0]), got->seen[i]);
    for (const auto ticket : gone_in(what, *got)) end(ticket, settled{});
    if (!there.empty()) found(there, got->seen.back());
    if (got->resumed)
      look_for_all();
    else if (const auto ours = awaited_of(got->heard); !ours.empty())
      look_for(ours);
    return got;
  }
  void look_at_line(const std::string& lock, std::vector<sql_order>& looks) const {
    const auto same = [&](const sql_order& l) {
      return l.what == sql::line && l.with[0] == sql_value{lock};
    };
    if (awaited_in_.contains(lock) && std::none_of(looks.begin(), looks.end(), same))
      looks.push_back({sql::line, {lock}});
  }
  void compare(const std::string& lock, const sql_rows& rows) {
    const auto its = awaited_in_.find(lock);
    if (its == awaited_in_.end()) return;
    const auto all = line_in(rows);
    tickets gone;
    for (const auto ticket : its->second)
      if (find(all, ticket) == nullptr) gone.push_back(ticket);
    for (const auto ticket : gone) end(ticket, seen{all});
  }
  void failed(const sql_failure& why, const tickets& there) {
    if (!std::exchange(failing_, true))
      log::warn("lock", "store does not answer", {{"reason", why.why}});
    if (why.deaf || why.how == sql_failure::kind::unknown)
      end_all();
    else
      for (const auto ticket : there) end(ticket, unanswered{});
  }

  // ---- who waits
  void enrol(const promise& whom, const await& what, tickets& fresh) {
    const auto id = ++waiting_ids_;
    auto& w = waits_.emplace(id, waiting{whom, {}}).first->second;
    for (const auto& p : what.those) {
      w.those.push_back(p.ticket);
      auto& a = awaited_[p.ticket];
      a.lock = what.lock;
      a.by.insert(id);
      awaited_in_[what.lock].insert(p.ticket);
      fresh.push_back(p.ticket);
    }
  }
  void found(const tickets& looked_for, const sql_rows& there) {
    std::map<std::uint64_t, instant> due;
    for (const auto& row : there) {
      const auto* left =
          std::get_if<std::int64_t>(&row[1]);  // microseconds; nothing: it has no session
      due[static_cast<std::uint64_t>(std::get<std::int64_t>(row[0]))] =
          left == nullptr
              ? instant::max()
              : now() + microseconds{std::max<std::int64_t>(*left, 0)} + milliseconds{1};
    }
    for (const auto ticket : looked_for) {
      const auto its = due.find(ticket);
      if (its == due.end())
        end(ticket, settled{});
      else if (const auto a = awaited_.find(ticket); a != awaited_.end())
        a->second.due = its->second;
    }
  }
  void end(std::uint64_t ticket, const answer& what) {
    const auto found = awaited_.find(ticket);
    if (found == awaited_.end()) return;
    const auto ended = std::move(found->second.by);
    forget(found);
    for (const auto id : ended) {
      const auto w = waits_.find(id);
      w->second.whom.deliver(store_answer{what});
      for (const auto other : w->second.those)
        if (const auto a = awaited_.find(other); a != awaited_.end()) {
          a->second.by.erase(id);
          if (a->second.by.empty()) forget(a);
        }
      waits_.erase(w);
    }
  }
  void forget(std::map<std::uint64_t, awaited>::iterator which) {
    const auto its = awaited_in_.find(which->second.lock);
    if (its != awaited_in_.end() && its->second.erase(which->first) > 0 && its->second.empty())
      awaited_in_.erase(its);
    awaited_.erase(which);
  }
  void end_all() {
    while (!awaited_.empty()) end(awaited_.begin()->first, unanswered{});
  }

  void hear() {
    const auto said = database_->hear();
    if (said.deaf)
      end_all();
    else if (said.more)
      look_for_all();
    else if (const auto ours = awaited_of(said.gone); !ours.empty())
      look_for(ours);
    listen_at_ = instant::max();
    arm();
  }
  tickets awaited_of(const tickets& gone) const {
    tickets ours;
    for (const auto ticket : gone)
      if (awaited_.contains(ticket)) ours.push_back(ticket);
    return ours;
  }
  void look_for_all() {
    tickets all;
    for (const auto& [ticket, _] : awaited_) all.push_back(ticket);
    if (!all.empty()) look_for(all);
  }
  // By the lines of a few locks, which serve as the look after the wait, too; of many, one by one.
  void look_for(const tickets& those) {
    plan lines;
    for (const auto ticket : those)
      if (lines.looks.size() <= lines_max) look_at_line(awaited_.at(ticket).lock, lines.looks);
    const bool few = lines.looks.size() <= lines_max;
    look_again(few ? lines : plan{}, few ? tickets{} : those, those);
  }
  void look_again(const plan& lines, const tickets& there, const tickets& those) {
    ear_->watch(-1);
    if (!ask(lines, there, false))
      for (const auto ticket : those) end(ticket, unanswered{});
    arm();
  }
  void look_at_due() {
    tickets due;
    for (const auto& [ticket, a] : awaited_)
      if (a.due <= now()) due.push_back(ticket);
    if (!due.empty()) look_again({}, due, due);
    arm();
  }
  void arm() {
    ear_->watch(database_->ear());  // also while nobody waits: what is not heard piles up
    if (awaited_.empty()) return;
    if (const auto each = database_->listen_each(); each > 0 && listen_at_ == instant::max())
      listen_at_ = now() + milliseconds{each};
    auto due = listen_at_;
    for (const auto& [_, a] : awaited_) due = std::min(due, a.due);
    if (due == instant::max() || due >= armed_) return;
    armed_ = due;
    const auto at = now();
    delayed_send(this, due > at ? due - at : duration{0}, database_tick{});
  }

  database_ptr database_;
  std::function<std::string()> fresh_;
  std::unique_ptr<readiness> ear_;
  std::deque<asked> queue_;
  std::map<std::uint64_t, waiting> waits_;
  std::map<std::uint64_t, awaited> awaited_;                   // by ticket
  std::map<std::string, std::set<std::uint64_t>> awaited_in_;  // by lock
  std::uint64_t waiting_ids_ = 0;
  instant armed_ = instant::max(), listen_at_ = instant::max();
  bool batching_ = false, failing_ = false;
};

result<caf::actor, std::string> spawned(caf::actor_system& system,
                                        result<database_ptr, std::string> all) {
  if (!all) return unexpected{all.error()};
  return spawn_database_store(system, std::move(*all));
}
}  // namespace

caf::actor spawn_database_store(caf::actor_system& system, database_ptr all) {
  return spawn_blocking<database_store>(system, std::move(all));
}
result<caf::actor, std::string> spawn_sqlite_store(caf::actor_system& system,
                                                   const std::string& path) {
  return spawned(system, open_sqlite(path));
}
result<caf::actor, std::string> spawn_postgres_store(caf::actor_system& system,
                                                     const std::string& uri) {
  return spawned(system, open_postgres(uri));
}
}  // namespace troupe::lock
