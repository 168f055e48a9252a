#include "runtime/journal/store.hpp"

#include "runtime/failpoint.hpp"
#include "runtime/journal/handles.hpp"
#include "runtime/journal/memory.hpp"
#include "runtime/journal/recovery.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace troupe::journal {
namespace {
using namespace std::chrono_literals;
constexpr std::size_t round_max = std::size_t{16} << 20;  // bytes of one group commit, about

std::size_t size_of(const batch& what) {
  auto size =
      64 + (what.state ? what.state->size() : 0) + (what.replace ? what.replace->bytes.size() : 0);
  for (const auto& r : what.append) size += 64 + r.bytes.size();
  return size;
}

struct figures {
  metrics::counter_handle& syncs =
      metrics::counter("troupe_journal_syncs_total", "Group commits of the journal.");
  metrics::counter_handle& batches =
      metrics::counter("troupe_journal_batches_total", "Batches that are durable.");
  metrics::counter_handle& bytes =
      metrics::counter("troupe_journal_bytes_total", "Bytes of these batches.");
  metrics::counter_handle& failures =
      metrics::counter("troupe_journal_failures_total", "Writes and syncs that have failed.");
  metrics::histogram_handle& took = metrics::histogram(
      "troupe_journal_sync_seconds", "How long a group commit took.", metrics::seconds());
  metrics::histogram_handle& shared =
      metrics::histogram("troupe_journal_sync_batches", "Batches of one group commit.",
                         {1, 2, 4, 8, 16, 32, 64, 128, 256, 1024});
};

// What the handles of a store share. One thread writes.
class core : public handles {
 public:
  explicit core(recovered all)
      : path_{all.place.path().string()},
        life_{all.of.life},
        place_{std::move(all.place)},
        of_{std::move(all.of)},
        data_{std::move(all.data)} {}

  identity who() const {
    const std::lock_guard lock{mutex_};
    return of_;
  }
  result<void, failure> enter(const std::string& cluster) {
    const std::lock_guard lock{mutex_};
    if (!place_) return unexpected{closed()};
    if (auto fits = check_owner(of_, of_.node, cluster, path_); !fits) return fits;
    if (of_.cluster == cluster) return {};
    auto next = of_;
    next.cluster = cluster;
    auto noted = place_->write_identity(next);
    if (noted) of_ = next;
    return noted;
  }
  std::uint64_t take_over(const std::string& group) {
    const std::lock_guard lock{mutex_};
    return take(group);
  }

  result<content, failure> load(const std::string& group, std::uint64_t serial) {
    auto data = settled();
    if (!data) return unexpected{std::move(data.error())};
    auto found = (*data)->read(group);
    if (!found) {
      log::error("journal", "a journal cannot be read",
                 {{"group", group}, {"reason", found.error().sentence}});
      return found;
    }
    const std::lock_guard lock{mutex_};
    if (auto known = loaded(group, serial, *found); !known) return unexpected{known.error()};
    return found;
  }
  result<std::vector<std::string>, failure> groups() {
    auto data = settled();
    if (!data) return unexpected{std::move(data.error())};
    return (*data)->groups();
  }

  void submit(const std::string& group, std::uint64_t serial, batch what, answer done) {
    bool wakes = false;
    {
      const std::lock_guard lock{mutex_};
      if (!stopped_) {
        waiting next;
        next.done = std::move(done);
        next.refused = broken_;
        if (!next.refused) {
          if (auto fits = accept(group, serial, what))
            next.what.then = *fits;
          else
            next.refused = std::move(fits.error());
        }
        if (!next.refused) {
          next.size = size_of(what);
          next.what.group = group;
          next.what.what = std::move(what);
        }
        queue_.push_back(std::move(next));
        ++submitted_;
        wakes = std::exchange(idle_, false);
        done = nullptr;
      }
    }
    if (wakes) there_.notify_one();  // with the lock free, which it takes first
    if (done) done(unexpected{closed()});
  }

  // The thread's work, until it is stopped and nothing is left.
  void run() {
    std::unique_lock lock{mutex_};
    for (;;) {
      idle_ = true;
      there_.wait(lock, [&] { return !queue_.empty() || stopping_; });
      idle_ = false;
      if (queue_.empty()) break;
      auto round = next_round();
      lock.unlock();
      auto failed = commit(round);
      lock.lock();
      if (failed && !broken_) broken_ = std::move(failed);
      done_ += round.size();
      lock.unlock();
      answer_all(round);
      settled_.notify_all();
      lock.lock();
    }
    stopped_ = true;
    data_.reset();
    place_.reset();  // for whoever comes next, though handles of this store live on
    settled_.notify_all();
  }
  void stop() {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    there_.notify_one();
  }

 private:
  struct waiting {
    addressed what{};
    answer done{};
    std::size_t size = 0;
    std::optional<failure> refused{};
  };

  static failure closed() { return {cause::closed, "the journal was closed with its node"}; }

  // All that was submitted before is on disk, or has failed.
  result<std::shared_ptr<database>, failure> settled() {
    std::unique_lock lock{mutex_};
    const auto upto = submitted_;
    settled_.wait(lock, [&] { return done_ >= upto || stopped_; });
    if (!data_) return unexpected{closed()};
    return data_;
  }

  std::vector<waiting> next_round() {
    std::size_t size = 0, count = 0;
    while (count < queue_.size() && (count == 0 || size + queue_[count].size <= round_max))
      size += queue_[count++].size;
    if (count == queue_.size()) return std::exchange(queue_, {});
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<waiting> round{std::make_move_iterator(queue_.begin()),
                               std::make_move_iterator(end)};
    queue_.erase(queue_.begin(), end);
    return round;
  }

  // Those that are not refused become durable, or are refused.
  std::optional<failure> commit(std::vector<waiting>& round) {
    std::vector<addressed> fit;
    std::size_t bytes = 0;
    auto failed = [&] {
      const std::lock_guard lock{mutex_};
      return broken_;
    }();
    for (auto& w : round) {
      if (!w.refused && failed) w.refused = failed;
      if (w.refused) continue;
      fit.push_back(std::move(w.what));
      bytes += w.size;
    }
    if (fit.empty()) return failed;
    const auto begun = std::chrono::steady_clock::now();
    if (auto done = write(fit); !done) {
      failed = std::move(done.error());
      failed->sentence += "; the journal takes nothing more until its node is started again";
      figures_.failures.add();
      log::error("journal", "a write has failed, and the journal takes nothing more",
                 {{"directory", path_}, {"reason", failed->sentence}});
      for (auto& w : round)
        if (!w.refused) w.refused = failed;
      return failed;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    if (took > 1s)
      slow_.warn("journal", "a sync took long",
                 {{"took", took}, {"batches", fit.size()}, {"bytes", bytes}});
    figures_.syncs.add();
    figures_.batches.add(static_cast<double>(fit.size()));
    figures_.bytes.add(static_cast<double>(bytes));
    figures_.took.observe(took.count());
    figures_.shared.observe(static_cast<double>(fit.size()));
    return {};
  }
  result<void, failure> write(const std::vector<addressed>& all) {
    if (reached(failpoint::journal_write))
      return unexpected{system_failure(EIO, "write to the journal", path_)};
    if (auto written = data_->write(all); !written) return written;
    if (reached(failpoint::journal_sync))
      return unexpected{system_failure(EIO, "sync the journal", path_)};
    if (auto synced = data_->sync(); !synced) return synced;
    reached(failpoint::journal_synced);
    place_->acknowledge(life_, data_->last());
    return {};
  }

  static void answer_all(std::vector<waiting>& round) {
    for (auto& w : round) {
      if (!w.done) continue;
      if (w.refused)
        w.done(unexpected{*w.refused});
      else
        w.done({});
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable there_, settled_;
  const std::string path_;
  const std::uint64_t life_;
  std::optional<directory> place_;
  identity of_;
  std::shared_ptr<database> data_;
  std::vector<waiting> queue_;
  std::uint64_t submitted_ = 0, done_ = 0;
  bool idle_ = false, stopping_ = false, stopped_ = false;
  std::optional<failure> broken_;
  figures figures_;
  log::once_per slow_{10s};
};

class disk_journal : public journal {
 public:
  disk_journal(std::shared_ptr<core> of, std::string group)
      : core_{std::move(of)}, group_{std::move(group)}, serial_{core_->take_over(group_)} {}
  result<content, failure> load() override { return core_->load(group_, serial_); }
  void submit(batch what, answer done) override {
    core_->submit(group_, serial_, std::move(what), std::move(done));
  }

 private:
  std::shared_ptr<core> core_;
  std::string group_;
  std::uint64_t serial_;
};

class disk_store : public store {
 public:
  explicit disk_store(std::shared_ptr<core> all)
      : core_{std::move(all)}, thread_{[c = core_] { c->run(); }} {}
  ~disk_store() override {
    core_->stop();
    if (thread_.get_id() == std::this_thread::get_id())
      thread_.detach();  // a `done` held the last reference
    else
      thread_.join();
  }
  identity who() const override { return core_->who(); }
  result<void, failure> enter(const std::string& cluster) override { return core_->enter(cluster); }
  std::shared_ptr<journal> open(const std::string& group) override {
    return std::make_shared<disk_journal>(core_, group);
  }
  result<std::vector<std::string>, failure> groups() const override { return core_->groups(); }

 private:
  std::shared_ptr<core> core_;
  std::thread thread_;
};
}  // namespace

result<store_ptr, failure> open_store(const store_options& options) {
  auto all = recover(options);
  if (!all) {
    log::error("journal", "the journal cannot be opened",
               {{"directory", options.directory}, {"reason", all.error().sentence}});
    return unexpected{std::move(all.error())};
  }
  log::info("journal", "opened",
            {{"directory", all->place.path().string()},
             {"writes", all->data->last()},
             {"life", all->of.life}});
  return store_ptr{std::make_shared<disk_store>(std::make_shared<core>(std::move(*all)))};
}
}  // namespace troupe::journal
