#include "actors/mapreduce/job_book.hpp"

#include "actors/consensus/protocol.hpp"
#include "actors/storage/lease_holder.hpp"
#include "actors/storage/map_client.hpp"
#include "actors/storage/watcher.hpp"
#include "patterns/encoding.hpp"
#include "patterns/simulation/random.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/peers.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <caf/all.hpp>
namespace troupe::mapreduce {
struct book_later {  // a timer of the book's own
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(book_later, number)
namespace {
using namespace std::chrono_literals;
using storage::aspect, storage::command, storage::question, storage::relation;
constexpr std::size_t operations_max = 100, batch_bytes = 256 << 10;
constexpr auto retry = 300ms, spread = 100ms;

storage::compare mine(const std::string& job, std::uint64_t fence) {
  return {storage::one(book::master_of(job)), aspect::create_revision, relation::equal, fence, {}};
}
storage::put put_of(const book::entry& e) { return {.key = e.first, .value = e.second}; }
const storage::key_value* first_of(const storage::txn_done& done) {
  const auto* got = done.replies.empty() ? nullptr : std::get_if<storage::got>(&done.replies[0]);
  return got == nullptr || got->items.empty() ? nullptr : &got->items.front();
}

template <class T, class What>
void deliver(caf::typed_response_promise<T>& to, What what) {
  to.deliver(std::move(what));
}

class job_book : public caf::event_based_actor {
 public:
  job_book(caf::actor_config& config, caf::actor tracker, book_settings settings)
      : caf::event_based_actor{config}, tracker_{std::move(tracker)}, s_{std::move(settings)} {}
  const char* name() const override { return "mapreduce-book"; }
  void on_exit() override {
    tracker_ = s_.client = nullptr;
    if (watcher_) send_exit(watcher_, caf::exit_reason::user_shutdown);
    watcher_ = nullptr;
    later_.clear();
    opening_.clear();
  }

  caf::behavior make_behavior() override {
    monitor(tracker_);
    set_down_handler([this](const caf::down_msg&) { quit(); });
    send(s_.client, consensus::tell_replicas{caf::actor_cast<caf::actor>(this)});
    return caf::message_handler{
        [this](open_job& order) { return on_open(order); },
        [this](write_down& order) { on_write(order); },
        [this](end_job& order) { on_end(order); },
        [this](const find_recorded& query) { return on_find(query.job); },
        [this](const list_recorded&) { return on_list(); },
    }
        .or_else(caf::message_handler{
            [this](const peer_up&) { found(); },
            [](const peer_down&) {},
            [this](const storage::lease_held& l) { on_held(l.lease); },
            [this](const storage::lease_lost& l) { on_lost(l.sentence); },
            [](const storage::watch_created&) {},
            [](const storage::watch_progress&) {},
            [this](const storage::watch_events& e) { on_events(e); },
            [this](const storage::watch_ended& e) {
              if (e.id == watch_) after(retry, [this] { scan(); });
            },
            [this](const book_later& which) {
              auto node = later_.extract(which.number);
              if (node) node.mapped()();
            },
        });
  }

 private:
  struct line {
    book::entry what;
    std::uint64_t number = 0;  // 0: there is more of the same
  };
  struct queue {  // of a job that is ours
    std::uint64_t fence = 0;
    std::deque<line> lines{};
    std::optional<job_status> last{};
    bool busy = false;
  };
  struct opening {
    job_spec job;
    caf::typed_response_promise<opened> promise;
  };

  void after(std::chrono::milliseconds pause, std::function<void()> what) {
    later_[++timers_] = std::move(what);
    delayed_send(this, pause, book_later{timers_});
  }
  template <class What>
  void ask(const What& what, storage::on_reply then) {
    storage::ask_map(this, s_.client, s_.patience, what, std::move(then));
  }
  template <class What>
  void ask_for_user(const What& what, storage::on_reply then) {  // who has patience of his own
    storage::ask_map(this, s_.client, s_.patience / 2, what, std::move(then));
  }

  // ---- the lease
  void found() {
    if (std::exchange(founded_, true)) return;
    hold();
    scan();
  }
  void hold() {
    storage::spawn_lease_holder(system(), s_.client, caf::actor_cast<caf::actor>(this),
                                {.ttl = s_.ttl, .margin = s_.margin});
  }
  void on_held(storage::lease_id lease) {
    lease_ = lease;
    for (auto& o : std::exchange(opening_, {})) open(std::move(o));
    for (const auto& job : std::set<std::string>{vacant_}) claim(job);
  }
  void on_lost(const std::string& why) {
    if (std::exchange(lease_, 0) != 0)
      log::warn("mapreduce", "jobs are left to others: the lease is lost",
                {{"jobs", queues_.size()}, {"reason", why}});
    for (const auto& [job, q] : queues_) send<caf::message_priority::high>(tracker_, deposed{job});
    queues_.clear();
    after(retry, [this] { hold(); });
  }

  // ---- who masters what
  void scan() {
    ask(question{storage::get{.keys = storage::prefix(book::masters())}},
        [this](caf::expected<storage::reply> r) {
          const auto* seen = storage::answer_as<storage::got>(r);
          if (seen == nullptr) return after(retry, [this] { scan(); });
          std::map<std::string, std::string> now;
          for (const auto& kv : seen->items) now[kv.key.substr(book::masters().size())] = kv.value;
          for (const auto& [job, node] : masters_)
            if (!now.contains(job)) send(tracker_, mastered{job, {}});
          for (const auto& [job, node] : now) send(tracker_, mastered{job, node});
          masters_ = std::move(now);
          if (watcher_) send_exit(watcher_, caf::exit_reason::user_shutdown);
          watcher_ = storage::spawn_watcher(
              system(), s_.client, caf::actor_cast<caf::actor>(this),
              {.what = {.keys = storage::prefix(book::masters()), .from = r->at + 1},
               .id = ++watch_,
               .prefer = s_.node});
          find_vacant();
        });
  }
  void find_vacant() {
    ask(question{storage::get{.keys = storage::prefix(book::open()), .keys_only = true}},
        [this](caf::expected<storage::reply> r) {
          const auto* seen = storage::answer_as<storage::got>(r);
          if (seen == nullptr) return after(retry, [this] { find_vacant(); });
          for (const auto& kv : seen->items) {
            const auto job = kv.key.substr(book::open().size());
            if (!masters_.contains(job)) vacated(job);
          }
        });
  }
  void on_events(const storage::watch_events& e) {
    if (e.id != watch_) return;
    for (const auto& change : e.events) {
      const auto job = change.kv.key.substr(book::masters().size());
      const bool gone = change.what == storage::change::erased;
      if (gone) {
        masters_.erase(job);
        vacated(job);
      } else {
        masters_[job] = change.kv.value;
        vacant_.erase(job);
      }
      send(tracker_, mastered{job, gone ? std::string{} : change.kv.value});
    }
  }

  // ---- taking over
  // Not all nodes at the same moment, nor one node all jobs.
  void vacated(const std::string& job) {
    vacant_.insert(job);
    const auto pause = simulation::digest_of(s_.node + '/' + job) % spread.count();
    after(std::chrono::milliseconds{pause}, [this, job] { claim(job); });
  }
  void claim_later(const std::string& job) {
    after(retry, [this, job] { claim(job); });
  }
  void claim(const std::string& job) {
    if (lease_ == 0 || !vacant_.contains(job)) return;
    const auto counter = book::count(job, 0).first;
    ask(question{storage::get{storage::one(counter)}},
        [this, job, counter](caf::expected<storage::reply> r) {
          const auto* seen = storage::answer_as<storage::got>(r);
          if (seen == nullptr) return claim_later(job);
          if (lease_ == 0 || !vacant_.contains(job)) return;
          if (seen->items.empty()) {  // it had come to its end
            vacant_.erase(job);
            return;
          }
          const auto& kv = seen->items.front();
          enter(job, counter, kv.mod_revision, book::counted(kv.value));
        });
  }
  void enter(const std::string& job, const std::string& counter, storage::revision seen,
             std::uint32_t masters) {
    const auto lease = lease_;
    storage::txn t;
    t.when.push_back(storage::absent(book::master_of(job)));
    t.when.push_back({storage::one(counter), aspect::mod_revision, relation::equal, seen, {}});
    t.then.emplace_back(
        storage::put{.key = book::master_of(job), .value = s_.node, .lease = lease});
    t.then.emplace_back(put_of(book::count(job, masters + 1)));
    t.otherwise.emplace_back(storage::get{storage::one(book::master_of(job))});
    ask(command{std::move(t)}, [this, job, lease](caf::expected<storage::reply> r) {
      const auto fence = fence_of(r, lease);
      if (lease != lease_) return;
      if (!fence) {
        if (!masters_.contains(job)) claim_later(job);
        return;
      }
      vacant_.erase(job);
      log::info("mapreduce", "a job is taken over", {{"job", job}, {"fence", *fence}});
      load(job, *fence, lease, book::job(job), {});
    });
  }
  // Our fence, if the master's key is ours now, be it by an earlier try.
  std::optional<std::uint64_t> fence_of(const caf::expected<storage::reply>& r,
                                        storage::lease_id lease) const {
    const auto* done = storage::answer_as<storage::txn_done>(r);
    if (done == nullptr) return std::nullopt;
    if (done->succeeded) return r->at;
    const auto* there = first_of(*done);
    if (there == nullptr || there->value != s_.node || there->lease != lease) return std::nullopt;
    return there->create_revision;
  }
  void load(const std::string& job, std::uint64_t fence, storage::lease_id lease, std::string from,
            std::vector<storage::key_value> before) {
    auto end = book::job(job);
    ++end.back();
    ask(question{storage::get{storage::range(from, end)}},
        [=, this](caf::expected<storage::reply> r) mutable {
          if (lease != lease_) return;
          auto* seen = storage::answer_as<storage::got>(r);
          if (seen == nullptr)
            return after(retry, [=, this] { load(job, fence, lease, from, before); });
          const bool more = seen->more && !seen->items.empty();
          if (more) from = seen->items.back().key + '\0';
          std::move(seen->items.begin(), seen->items.end(), std::back_inserter(before));
          if (more) return load(job, fence, lease, std::move(from), std::move(before));
          loaded(job, fence, before);
        });
  }
  void loaded(const std::string& job, std::uint64_t fence,
              const std::vector<storage::key_value>& all) {
    queues_[job].fence = fence;
    auto file = book::read(job, all);
    if (!file) {
      log::error("mapreduce", "a job cannot be read", {{"job", job}, {"reason", file.error()}});
      job_status last;
      last.id = job;
      last.state = job_state::failed;
      last.error = "its next master could not go on: " + file.error();
      queues_[job].last = std::move(last);
      return flush(job);
    }
    if (file->record.masters > 0) --file->record.masters;  // ourselves
    send(tracker_, taken_over{fence, std::move(*file)});
  }

  // ---- jobs of our own
  caf::result<opened> on_open(open_job& order) {
    if (!founded_) return opened{};
    auto promise = make_response_promise<opened>();
    opening o{std::move(order.job), promise};
    if (lease_ != 0) {
      open(std::move(o));
      return promise;
    }
    const auto id = o.job.id;
    opening_.push_back(std::move(o));
    after(s_.patience, [this, id] {
      const auto found = std::find_if(opening_.begin(), opening_.end(),
                                      [&](const auto& x) { return x.job.id == id; });
      if (found == opening_.end()) return;
      found->promise.deliver(make_error(
          errc::not_ready, "the replicated log, which keeps the jobs, does not answer: try again"));
      opening_.erase(found);
    });
    return promise;
  }
  void open(opening o) {
    const auto lease = lease_;
    storage::txn t;
    t.when.push_back(storage::absent(book::master_of(o.job.id)));
    t.when.push_back(storage::absent(book::open() + o.job.id));
    t.then.emplace_back(
        storage::put{.key = book::master_of(o.job.id), .value = s_.node, .lease = lease});
    t.then.emplace_back(storage::put{.key = book::open() + o.job.id});
    t.then.emplace_back(put_of(book::spec(o.job)));
    t.then.emplace_back(put_of(book::count(o.job.id, 1)));
    t.otherwise.emplace_back(storage::get{storage::one(book::master_of(o.job.id))});
    ask(command{std::move(t)}, [this, lease, o](caf::expected<storage::reply> r) mutable -> void {
      const auto fence = fence_of(r, lease);
      const auto* no = storage::answer_as<storage::refused>(r);
      if (lease != lease_)
        return deliver(o.promise,
                       make_error(errc::unknown_outcome,
                                  "the replicated log was lost while it took job " + o.job.id +
                                      ": `troupe job " + o.job.id + "` shows whether it did"));
      if (fence) {
        queues_[o.job.id].fence = *fence;
        return deliver(o.promise, opened{*fence});
      }
      if (no != nullptr) return deliver(o.promise, storage::to_error(*no));
      if (r) return deliver(o.promise, make_error(errc::already_exists, "there is such a job"));
      after(retry, [this, o] {
        if (lease_ != 0) return open(o);
        opening_.push_back(o);
      });
    });
  }

  void on_write(write_down& order) {
    const auto found = queues_.find(order.job);
    if (found == queues_.end() || found->second.fence != order.fence) return;
    for (auto& e : order.what) found->second.lines.push_back({std::move(e), 0});
    if (!found->second.lines.empty()) found->second.lines.back().number = order.number;
    flush(order.job);
  }
  void on_end(end_job& order) {
    const auto found = queues_.find(order.job);
    if (found == queues_.end() || found->second.fence != order.fence) return;
    found->second.last = std::move(order.last);
    flush(order.job);
  }

  void flush(const std::string& job) {
    auto& q = queues_.at(job);
    if (q.busy || (q.lines.empty() && !q.last)) return;
    q.busy = true;
    if (q.lines.empty()) return finish(job, q.fence, *q.last);
    storage::txn t;
    t.when.push_back(mine(job, q.fence));
    std::set<std::string_view> keys;
    std::size_t bytes = 0, count = 0;
    std::uint64_t number = 0;
    for (const auto& l : q.lines) {
      bytes += l.what.second.size();
      if (count > 0 && (count >= operations_max || bytes > batch_bytes)) break;
      if (!keys.insert(l.what.first).second) break;
      t.then.emplace_back(put_of(l.what));
      number = std::max(number, l.number);
      ++count;
    }
    ask(command{std::move(t)},
        [this, job, fence = q.fence, count, number](caf::expected<storage::reply> r) {
          auto* done = queue_after(r, job, fence);
          if (done == nullptr) return;
          done->lines.erase(done->lines.begin(),
                            done->lines.begin() + static_cast<std::ptrdiff_t>(count));
          if (number != 0) send(tracker_, written{job, fence, number});
          flush(job);
        });
  }
  // Null: it was not written; or it is not ours any more.
  queue* queue_after(const caf::expected<storage::reply>& r, const std::string& job,
                     std::uint64_t fence) {
    const auto found = queues_.find(job);
    if (found == queues_.end() || found->second.fence != fence) return nullptr;
    found->second.busy = false;
    const auto* done = storage::answer_as<storage::txn_done>(r);
    if (done == nullptr) {
      if (const auto* no = storage::answer_as<storage::refused>(r))
        log::warn("mapreduce", "the log refuses a job's facts",
                  {{"job", job}, {"reason", explain(no->why)}});
      after(retry, [this, job] {
        if (queues_.contains(job)) flush(job);
      });
      return nullptr;
    }
    if (done->succeeded || first_of(*done) != nullptr) return &found->second;
    queues_.erase(found);
    send<caf::message_priority::high>(tracker_, deposed{job});
    return nullptr;
  }
  void finish(const std::string& job, std::uint64_t fence, const job_status& last) {
    storage::txn t;
    t.when.push_back(mine(job, fence));
    t.then.emplace_back(storage::erase{storage::prefix(book::job(job))});
    t.then.emplace_back(storage::erase{storage::one(book::open() + job)});
    t.then.emplace_back(storage::erase{storage::one(book::master_of(job))});
    t.then.emplace_back(storage::put{.key = book::ended() + job, .value = encode(last)});
    t.otherwise.emplace_back(storage::get{storage::one(book::ended() + job)});  // by an earlier try
    ask(command{std::move(t)}, [this, job, fence](caf::expected<storage::reply> r) {
      if (queue_after(r, job, fence) == nullptr) return;
      queues_.erase(job);
      send(tracker_, closed{job, fence});
      prune();
    });
  }
  void prune() {
    storage::get g{.keys = storage::prefix(book::ended()), .keys_only = true};
    g.by = aspect::create_revision;
    ask(question{std::move(g)}, [this](caf::expected<storage::reply> r) {
      const auto* seen = storage::answer_as<storage::got>(r);
      if (seen == nullptr || seen->items.size() <= s_.kept) return;
      storage::txn t;
      const auto old = std::min(seen->items.size() - s_.kept, operations_max);
      for (std::size_t i = 0; i < old; ++i)
        t.then.emplace_back(storage::erase{storage::one(seen->items[i].key)});
      ask(command{std::move(t)}, [](const caf::expected<storage::reply>&) {});
    });
  }

  // ---- jobs of others
  caf::result<job_status> on_find(const std::string& job) {
    const auto none = make_error(errc::not_found,
                                 "there is no job " + job + ": `troupe jobs` lists what there is");
    if (!founded_) return none;
    auto promise = make_response_promise<job_status>();
    storage::txn t;  // both at one moment
    t.then.emplace_back(storage::get{storage::one(book::ended() + job)});
    t.then.emplace_back(storage::get{.keys = storage::one(book::open() + job), .keys_only = true});
    ask_for_user(
        command{std::move(t)},
        [promise, job, none](caf::expected<storage::reply> r) mutable -> void {
          const auto* done = storage::answer_as<storage::txn_done>(r);
          if (done == nullptr || done->replies.size() != 2)
            return deliver(
                promise,
                make_error(errc::not_ready,
                           "the replicated log, which keeps the jobs, does not answer: try again"));
          if (const auto* kv = first_of(*done)) {
            auto last = decode<job_status>(kv->value);
            if (last) return deliver(promise, std::move(*last));
          }
          const auto* open = std::get_if<storage::got>(&done->replies[1]);
          if (open == nullptr || open->items.empty()) return deliver(promise, none);
          promise.deliver(make_error(errc::not_ready, "job " + job +
                                                          " has no master at the moment; "
                                                          "another node is about to take it over"));
        });
    return promise;
  }
  caf::result<recorded_jobs> on_list() {
    if (!founded_) return recorded_jobs{};
    auto promise = make_response_promise<recorded_jobs>();
    ask_for_user(question{storage::get{.keys = storage::prefix(book::ended())}},
                 [promise](caf::expected<storage::reply> r) mutable {
                   recorded_jobs all;
                   if (const auto* seen = storage::answer_as<storage::got>(r))
                     for (const auto& kv : seen->items)
                       if (auto last = decode<job_status>(kv.value))
                         all.jobs.push_back(std::move(*last));
                   promise.deliver(std::move(all));
                 });
    return promise;
  }

  caf::actor tracker_;
  book_settings s_;
  bool founded_ = false;
  storage::lease_id lease_ = 0;
  caf::actor watcher_;
  storage::watch_id watch_ = 0;
  std::map<std::string, std::string> masters_;
  std::set<std::string> vacant_;  // open, and nobody's
  std::map<std::string, queue> queues_;
  std::vector<opening> opening_;  // until there is a lease
  std::map<std::uint64_t, std::function<void()>> later_;
  std::uint64_t timers_ = 0;
};
}  // namespace

caf::actor spawn_job_book(caf::actor_system& system, caf::actor tracker, book_settings settings) {
  return system.spawn<job_book>(std::move(tracker), std::move(settings));
}
}  // namespace troupe::mapreduce
