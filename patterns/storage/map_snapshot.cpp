// The map's state as bytes: revisions, leases, and each key with all versions that history has.
#include "patterns/encoding.hpp"
#include "patterns/storage/map.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>
namespace troupe::storage {
namespace {
struct head {
  std::uint64_t form = 1;
  revision at = 0;
  revision floor = 0;
  lease_id next_lease = 0;
  std::vector<granted> leases{};
};
TROUPE_MESSAGE(head, form, at, floor, next_lease, leases)

// Nothing that the map could not have written: in order, nothing forgotten kept, nothing ahead.
bool sound(const std::vector<version>& all, const head& h) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& v = all[i];
    if (v.mod == 0 || v.mod > h.at || v.create > v.mod) return false;
    if (v.erased() ? v.create != 0 || v.lease != 0 || !v.value.empty() : v.create == 0)
      return false;
    if (i > 0 && v.mod <= all[i - 1].mod) return false;
    if (v.mod <= h.floor && (i > 0 || v.erased())) return false;
  }
  return !all.empty();
}
}  // namespace

std::string map::snapshot() const {
  head h{.at = revision_, .floor = floor_, .next_lease = next_lease_, .leases = leases_granted()};
  std::string out;
  out.reserve(bytes_);
  encode_to(out, h);
  encode_natural(out, keys_.size());
  for (const auto& [key, all] : keys_) {
    encode_to(out, key);
    encode_natural(out, all.size());
    for (const auto& v : all) encode_to(out, v);
  }
  return out;
}

result<void, std::string> map::restore(std::string_view bytes) {
  const auto unreadable = [](std::string why) {
    return unexpected{"the map's snapshot cannot be read: " + std::move(why)};
  };
  decoder in{bytes, {.memory = std::numeric_limits<std::uint64_t>::max()}};
  head h;
  std::size_t keys = 0;
  if (!in.get(h) || !in.get_count(keys)) return unreadable(to_string(in.failure()));
  if (h.form != 1)
    return unreadable("it has form " + std::to_string(h.form) + ", written by a newer version");
  if (h.floor > h.at || h.next_lease < lease_ids_own) return unreadable("its head is not sound");
  map fresh{settings_};
  fresh.revision_ = h.at;
  fresh.floor_ = h.floor;
  fresh.next_lease_ = h.next_lease;
  for (const auto& lease : h.leases) {
    if (lease.id == 0 || !fresh.leases_.emplace(lease.id, lease_record{lease.ttl, {}}).second)
      return unreadable("a lease is there twice");
  }
  std::string key;
  std::vector<version> all;
  for (; keys > 0; --keys) {
    if (!in.get(key) || !in.get(all)) return unreadable(to_string(in.failure()));
    if (key.empty() || (!fresh.keys_.empty() && key <= fresh.keys_.rbegin()->first))
      return unreadable("its keys are not in order");
    if (!sound(all, h)) return unreadable("the versions of a key are not sound");
    const auto where = fresh.keys_.emplace_hint(fresh.keys_.end(), key, versions{});
    for (auto& v : all) {
      fresh.bytes_ += cost(key, v);
      if (v.mod > h.floor) {
        fresh.history_bytes_ += cost(key, v);
        fresh.history_.push_back({v.mod, where});
      }
      where->second.push(std::move(v));
    }
    const auto& newest = where->second.newest();
    if (newest.erased()) continue;
    fresh.live_.insert(fresh.live_.end(), where);
    if (newest.lease == 0) continue;
    const auto lease = fresh.leases_.find(newest.lease);
    if (lease == fresh.leases_.end()) return unreadable("a key has a lease that is not there");
    lease->second.keys.insert(key);
  }
  if (!in.finish()) return unreadable(to_string(in.failure()));
  const auto when = [](const past& p) { return std::pair{p.at, p.key->second.at(p.at)->place}; };
  std::sort(fresh.history_.begin(), fresh.history_.end(),
            [&](const past& a, const past& b) { return when(a) < when(b); });
  *this = std::move(fresh);
  return {};
}
}  // namespace troupe::storage
