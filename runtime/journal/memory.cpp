#include "runtime/journal/memory.hpp"

#include "runtime/journal/handles.hpp"

#include <deque>
#include <mutex>
#include <utility>

namespace troupe::journal {
namespace {
struct waiting {
  answer done;
  std::optional<failure> refused{};  // otherwise it has been written to the disk
};

class memory_core : public std::enable_shared_from_this<memory_core>, public handles {
 public:
  memory_core(std::shared_ptr<memory_disk> disk, memory_options options)
      : disk_{std::move(disk)}, options_{std::move(options)}, alive_{disk_->crashes()} {}

  identity who() const {
    const std::lock_guard lock{mutex_};
    return *disk_->of;
  }
  result<void, failure> enter(const std::string& cluster) {
    const std::lock_guard lock{mutex_};
    auto fits = check_owner(*disk_->of, disk_->of->node, cluster, "this disk");
    if (fits) disk_->of->cluster = cluster;
    return fits;
  }
  std::vector<std::string> groups() const {
    const std::lock_guard lock{mutex_};
    return disk_->groups();
  }
  std::uint64_t take_over(const std::string& group) {
    const std::lock_guard lock{mutex_};
    return take(group);
  }

  result<content, failure> load(const std::string& group, std::uint64_t serial) {
    const std::lock_guard lock{mutex_};
    auto found = disk_->read(group);
    if (!found) return found;
    if (auto known = loaded(group, serial, *found); !known) return unexpected{known.error()};
    return found;
  }

  void submit(const std::string& group, std::uint64_t serial, batch what, answer done) {
    std::unique_lock lock{mutex_};
    if (crashed()) return;
    waiting next{std::move(done)};
    if (broken_)
      next.refused = broken_;
    else if (auto fits = accept(group, serial, what); !fits)
      next.refused = fits.error();
    else if (disk_->full)
      next.refused = broken_ = failure{cause::full,
                                       "the disk is full: the journal takes nothing "
                                       "more; make room and start the node again"};
    else
      disk_->write(group, std::move(what));
    queue_.push_back(std::move(next));
    if (std::exchange(syncing_, true)) return;
    go_on(lock);
  }

 private:
  bool crashed() const { return disk_->crashes() != alive_; }

  // With the lock, and `syncing_` set.
  void go_on(std::unique_lock<std::mutex>& lock) {
    while (!queue_.empty()) {
      const auto count = queue_.size();
      const auto written = disk_->unsynced();
      if (options_.syncing) {
        lock.unlock();
        return options_.syncing([self = shared_from_this(), count, written] {
          std::unique_lock again{self->mutex_};
          self->finish(count, written, again);
          if (!self->crashed()) self->go_on(again);
        });
      }
      finish(count, written, lock);
    }
    syncing_ = false;
  }

  void finish(std::size_t count, std::size_t written, std::unique_lock<std::mutex>& lock) {
    if (crashed()) return queue_.clear();
    if (disk_->sync_fails && !broken_)
      broken_ = failure{cause::broken,
                        "a sync has failed: what was written since the last may be "
                        "lost; start the node again"};
    if (!broken_) disk_->sync(written);
    for (; count > 0 && !queue_.empty(); --count) {
      auto next = std::move(queue_.front());
      queue_.pop_front();
      if (!next.refused) next.refused = broken_;
      lock.unlock();
      if (next.done)
        next.done(next.refused ? result<void, failure>{unexpected{*next.refused}}
                               : result<void, failure>{});
      lock.lock();
    }
  }

  mutable std::mutex mutex_;
  std::shared_ptr<memory_disk> disk_;
  memory_options options_;
  std::uint64_t alive_;
  bool syncing_ = false;
  std::deque<waiting> queue_;
  std::optional<failure> broken_;
};

class memory_journal : public journal {
 public:
  memory_journal(std::shared_ptr<memory_core> core, std::string group)
      : core_{std::move(core)}, group_{std::move(group)}, serial_{core_->take_over(group_)} {}
  result<content, failure> load() override { return core_->load(group_, serial_); }
  void submit(batch what, answer done) override {
    core_->submit(group_, serial_, std::move(what), std::move(done));
  }

 private:
  std::shared_ptr<memory_core> core_;
  std::string group_;
  std::uint64_t serial_;
};

class memory_store : public store {
 public:
  explicit memory_store(std::shared_ptr<memory_core> core) : core_{std::move(core)} {}
  identity who() const override { return core_->who(); }
  result<void, failure> enter(const std::string& cluster) override { return core_->enter(cluster); }
  std::shared_ptr<journal> open(const std::string& group) override {
    return std::make_shared<memory_journal>(core_, group);
  }
  result<std::vector<std::string>, failure> groups() const override { return core_->groups(); }

 private:
  std::shared_ptr<memory_core> core_;
};
}  // namespace

result<store_ptr, failure> open_memory_store(std::shared_ptr<memory_disk> disk,
                                             memory_options options) {
  if (!disk->of)
    disk->of = identity{.node = options.node, .cluster = options.cluster, .life = options.life};
  if (auto fits = check_owner(*disk->of, options.node, options.cluster, "this disk"); !fits)
    return unexpected{fits.error()};
  if (disk->of->cluster.empty()) disk->of->cluster = options.cluster;
  disk->cut_torn_tail();
  return store_ptr{std::make_shared<memory_store>(
      std::make_shared<memory_core>(std::move(disk), std::move(options)))};
}

result<void, failure> check_owner(const identity& found, const std::string& node,
                                  const std::string& cluster, const std::string& where) {
  if (found.node != node)
    return unexpected{
        failure{cause::other_node, where + " holds the journal of node '" + found.node +
                                       "', and this is node '" + node +
                                       "': give each node a data directory of its own"}};
  if (!cluster.empty() && !found.cluster.empty() && found.cluster != cluster)
    return unexpected{failure{cause::other_cluster,
                              where + " holds the journal of cluster " + found.cluster +
                                  ", and this is cluster " + cluster +
                                  ": join that cluster, or start with an empty data directory"}};
  return {};
}
}  // namespace troupe::journal
