// The laboratory's disk under a node's journal: it outlives the node's crash, and it can fail as disks do.
//   Promises  what was synced survives `crash`; of the rest a beginning does, batch by batch, and of the batch behind it a
//             torn part may be left, which the next start finds by its checksum and cuts
//             the same calls with the same generator give the same disk
//   Beware    after `crash` the stores that stood on it are dead: they call nobody's `done` any more
//             a bit that flips is found by `load`, never handed out
//   Source    T. S. Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014
#pragma once
#include "patterns/simulation/random.hpp"
#include "runtime/journal/journal.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>
namespace troupe::journal {
class memory_disk {
 public:
  // Power is lost.
  void crash(simulation::generator& chance, bool tear);
  // One bit of one value that was synced flips; false: there is none.
  bool rot(simulation::generator& chance);

  // From the next sync on, until it is taken back.
  bool full = false;        // what is written is refused
  bool sync_fails = false;  // and whether what was written is there stays open
  bool sync_lies =
      false;  // a sync says that it has passed, and was none: no honest disk, a planted bug

  // For the store.
  struct values {  // encoded (codec.hpp); empty: not there
    std::string state{};
    std::string base{};
    std::map<std::uint64_t, std::string> records{};
  };
  void write(const std::string& group, batch what);  // safe with the sync that comes behind it
  void sync(std::size_t count);  // of what was written and not synced, the first
  std::size_t unsynced() const { return unsynced_.size(); }
  result<content, failure> read(const std::string& group) const;
  std::vector<std::string> groups() const;
  std::uint64_t crashes() const { return crashes_; }
  std::uint64_t torn_tails() const { return torn_tails_; }  // found and cut by a start
  void cut_torn_tail();
  std::optional<identity> of{};

 private:
  struct written {
    std::string group;
    batch what;
  };
  void keep(const written& w);
  std::map<std::string, values> durable_;
  std::deque<written> unsynced_;
  std::string torn_;  // what a crash left of a batch
  std::string torn_place_;
  std::uint64_t crashes_ = 0, torn_tails_ = 0;
};
}  // namespace troupe::journal
