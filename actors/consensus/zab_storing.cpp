#include "actors/consensus/zab_storing.hpp"

#include "patterns/encoding.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>
namespace troupe::consensus {
namespace {
struct stored_state {
  zab::hard_state hard;
  std::uint64_t life = 0;
};
TROUPE_MESSAGE(stored_state, hard, life)
struct stored_base {
  zab::zxid at;
  std::string bytes;
};
TROUPE_MESSAGE(stored_base, at, bytes)

// A record's term is the epoch; its counter stands before the host's bytes.
constexpr std::size_t counter_bytes = 4;
std::string with_counter(const zab::transaction& t) {
  std::string bytes;
  bytes.reserve(t.bytes.size() + counter_bytes);
  for (unsigned i = 0; i < counter_bytes; ++i)
    bytes.push_back(static_cast<char>(t.at.counter >> (8U * i)));
  return bytes += t.bytes;
}
std::uint32_t counter_of(const std::string& bytes) {
  std::uint32_t counter = 0;
  for (unsigned i = 0; i < counter_bytes; ++i)
    counter |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8U * i);
  return counter;
}
}  // namespace

std::uint64_t zab_ledger::place_of(zab::zxid z) const {
  const auto after = std::upper_bound(at_.begin(), at_.end(), z);
  return base_ + static_cast<std::uint64_t>(std::distance(at_.begin(), after));
}

journal::batch zab_ledger::begin() {
  ++life_;
  journal::batch b;
  b.state = encode(stored_state{state_, life_});
  return b;
}

journal::batch zab_ledger::batch_of(zab::record&& r) {
  assert(!r.base || !r.cut);  // no step has both, which a journal would do in the other order
  journal::batch b;
  if (r.state) {
    state_ = *r.state;
    b.state = encode(stored_state{state_, life_});
  }
  if (r.base) {
    // Another history: it stands nowhere in this one, and goes on where that ends.
    const auto index = r.restart ? last() + 1 : place_of(r.base->at);
    if (r.restart) at_.clear();
    at_.erase(at_.begin(), std::upper_bound(at_.begin(), at_.end(), r.base->at));
    base_ = index;
    b.restart = r.restart;
    std::string bytes;
    bytes.reserve(r.base->bytes->size() + 64);
    encode_to(bytes, stored_base{r.base->at, *r.base->bytes});
    b.replace = journal::snapshot{index, r.base->at.epoch, std::move(bytes)};
  }
  if (r.cut) {
    b.cut_from = place_of(*r.cut) + 1;
    at_.erase(std::upper_bound(at_.begin(), at_.end(), *r.cut), at_.end());
  }
  b.append.reserve(r.appended.size());
  for (const auto& t : r.appended) {
    b.append.push_back({last() + 1, t.at.epoch, with_counter(t)});
    at_.push_back(t.at);
  }
  return b;
}

result<zab_stored, std::string> zab_restored_from(journal::content&& found) {
  zab_stored all;
  const auto wrong = [](const std::string& what) {
    return unexpected{"the journal's " + what +
                      " is none of Zab's: `troupe journal verify` says more"};
  };
  auto& [core, ledger] = all;
  if (!found.state.empty()) {
    const auto state = decode<stored_state>(found.state);
    if (!state) return wrong("state");
    core.state = ledger.state_ = state->hard;
    ledger.life_ = state->life;
  }
  if (found.base) {
    auto base = decode<stored_base>(found.base->bytes);
    if (!base) return wrong("snapshot at " + std::to_string(found.base->index));
    core.base = {base->at, std::make_shared<const std::string>(std::move(base->bytes))};
    ledger.base_ = found.base->index;
  }
  for (auto& r : found.records) {
    if (r.index <= ledger.base_) continue;
    const auto last = ledger.at_.empty() ? core.base.at : ledger.at_.back();
    if (r.index != ledger.last() + 1 || r.bytes.size() < counter_bytes || r.term > UINT32_MAX)
      return wrong("record " + std::to_string(r.index));
    const zab::zxid at{static_cast<std::uint32_t>(r.term), counter_of(r.bytes)};
    if (at <= last) return wrong("record " + std::to_string(r.index));
    ledger.at_.push_back(at);
    core.log.push_back({at, r.bytes.substr(counter_bytes)});
  }
  return all;
}
}  // namespace troupe::consensus
