// A member's disk: records that are appended, and are safe once a sync has passed. What a crash may
// leave of the rest is what file systems are known to leave (T. S. Pillai et al., "All File Systems
// Are Not Created Equal", OSDI 2014; A. Rebello et al., "Can Applications Recover from fsync
// Failures?", USENIX ATC 2020).
//   Promises  a record that was synced survives every crash, unless a `rot` flips a bit of it
//             what was not synced is lost from some record on; that one may be torn: a beginning of
//             its bytes is left
//   Beware    torn and flipped records are handed out like any other; `intact` is what a checksum
//             of the journal would say, and it is the host's part to ask it
#pragma once
#include "patterns/simulation/random.hpp"

#include <string>
#include <vector>
namespace troupe::simulation {
class disk {
 public:
  struct stored {
    std::string bytes{};
    std::uint64_t checksum = 0;  // of what was meant to be written
    bool intact() const { return digest_of(bytes) == checksum; }
  };

  // The number of records ever appended and kept; a sync of it makes this one safe.
  std::uint64_t append(std::string record);
  void sync(std::uint64_t upto);
  std::uint64_t size() const { return records_.size(); }
  std::uint64_t durable() const { return durable_; }
  const std::vector<stored>& records() const { return records_; }

  // Power is lost. Of what was not synced a beginning may be there; with `tear` the record after
  // it is there in part.
  void crash(generator& chance, bool tear);
  // One bit of one record flips; nothing there: nothing happens.
  bool rot(generator& chance);
  // The host repairs: it drops this record and what follows it.
  void truncate(std::uint64_t size);

 private:
  std::vector<stored> records_;
  std::uint64_t durable_ = 0;
};
}  // namespace troupe::simulation
