// Zab's records as the journal's batches, and what a journal holds as what a server starts from.
// A journal counts its records one by one, zxids have gaps: who writes knows where each stands.
//   Promises  what was read back goes on where it ended; a batch fits the journal that it was made for
//   Assumes   batches are submitted in the order in which they are made, all of them
#pragma once
#include "patterns/consensus/zab/zab.hpp"
#include "patterns/result.hpp"
#include "runtime/journal/journal.hpp"

#include <deque>
#include <optional>
#include <string>
namespace troupe::consensus {
struct zab_stored;

class zab_ledger {
 public:
  journal::batch batch_of(zab::record&& r);
  // A server begins another life: before anything of it leaves, this is durable.
  journal::batch begin();
  std::uint64_t life() const { return life_; }

 private:
  friend result<zab_stored, std::string> zab_restored_from(journal::content&& found);
  std::uint64_t last() const { return base_ + at_.size(); }
  std::uint64_t place_of(zab::zxid z) const;  // of the last record not above
  zab::hard_state state_;
  std::uint64_t life_ = 0;
  std::uint64_t base_ = 0;      // the last that is gone into the snapshot, in the journal's count
  std::deque<zab::zxid> at_{};  // of those behind it
};

struct zab_stored {
  zab::restored core;
  zab_ledger ledger;
};
result<zab_stored, std::string> zab_restored_from(journal::content&& found);
}  // namespace troupe::consensus
