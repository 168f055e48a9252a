#include "patterns/membership/member.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
namespace troupe::membership {
namespace {
bool sorted_and_bounded(const std::vector<std::string>& names, std::size_t count_max) {
  return names.size() <= count_max && std::is_sorted(names.begin(), names.end()) &&
         std::all_of(names.begin(), names.end(),
                     [](const std::string& name) { return name.size() <= name_bytes_max; });
}

// The smallest of a union: keeps `merge` associative although the list is bounded.
std::vector<std::string> united(const std::vector<std::string>& a,
                                const std::vector<std::string>& b) {
  std::vector<std::string> all;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  if (all.size() > witnesses_max) all.resize(witnesses_max);
  return all;
}

// What only the member itself says, and says anew with each generation.
auto own_word(const record& r) { return std::tie(r.address, r.roles, r.cut_off); }

// FNV-1a: the same on every machine, unlike std::hash.
struct hasher {
  std::uint64_t value = 14695981039346656037ULL;
  void add(std::string_view text) {
    for (unsigned char c : text) mix(c);
    mix(0xff);
  }
  void add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) mix((number >> shift) & 0xff);
  }
  void mix(std::uint64_t byte) { value = (value ^ byte) * 1099511628211ULL; }
  // MurmurHash3's last step (A. Appleby). FNV hardly spreads its last bytes: without this, the same
  // small change in two records moves both by the same amount, and a sum of them may not show it.
  std::uint64_t spread() const {
    std::uint64_t h = value;
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ULL;
    return h ^ (h >> 33);
  }
};
}  // namespace

std::string to_string(const member_id& id) { return id.name + '#' + id.incarnation.substr(0, 8); }

bool valid(const record& r) {
  return !r.id.name.empty() && r.id.name.size() <= name_bytes_max && !r.id.incarnation.empty() &&
         r.id.incarnation.size() <= name_bytes_max && r.address.size() <= name_bytes_max &&
         r.replaces.size() <= name_bytes_max && r.replaces != r.id.incarnation &&
         r.state <= member_state::removed && r.liveness <= reach::unreachable &&
         r.generation <= generation_max && sorted_and_bounded(r.roles, roles_max) &&
         sorted_and_bounded(r.witnesses, witnesses_max) &&
         sorted_and_bounded(r.cut_off, cut_off_max);
}

bool merge(record& known, const record& heard) {
  assert(known.id == heard.id);
  const record before = known;
  known.state = std::max(known.state, heard.state);
  if (known.age == 0 || (heard.age != 0 && heard.age < known.age)) known.age = heard.age;
  if (known.replaces < heard.replaces) known.replaces = heard.replaces;
  const auto heard_rank = std::tie(heard.generation, heard.liveness);
  const auto known_rank = std::tie(known.generation, known.liveness);
  if (heard.generation > known.generation ||
      (heard.generation == known.generation && own_word(known) < own_word(heard))) {
    known.address = heard.address;
    known.roles = heard.roles;
    known.cut_off = heard.cut_off;
  }
  if (known_rank < heard_rank) {
    known.witnesses = heard.witnesses;
    known.liveness = heard.liveness;
    known.generation = heard.generation;
  } else if (known_rank == heard_rank) {
    known.witnesses = united(known.witnesses, heard.witnesses);
  }
  return known != before;
}

void merge(view& known, const view& heard) {
  for (const auto& [id, theirs] : heard) {
    const auto [at, added] = known.try_emplace(id, theirs);
    if (!added) merge(at->second, theirs);
  }
  for (const auto& [id, mine] : known) {
    if (mine.replaces.empty()) continue;
    const auto predecessor = known.find({id.name, mine.replaces});
    if (predecessor != known.end()) predecessor->second.state = member_state::removed;
  }
}

const record* oldest(const view& members) {
  const record* found = nullptr;
  for (const auto& [id, r] : members) {
    if (!counted(r) || !reachable(r)) continue;
    if (found == nullptr || r.state < found->state ||
        (r.state == found->state && older(r, *found))) {
      found = &r;
    }
  }
  return found;
}

const record* present_by_name(const view& members, const std::string& name) {
  for (auto at = members.lower_bound({name, {}}); at != members.end() && at->first.name == name;
       ++at) {
    if (present(at->second)) return &at->second;
  }
  return nullptr;
}

std::uint64_t digest(const record& r) {
  if (r.state == member_state::removed) return 0;
  hasher h;
  h.add(r.id.name);
  h.add(r.id.incarnation);
  h.add(static_cast<std::uint64_t>(r.state));
  h.add(r.age);
  h.add(r.generation);
  h.add(std::uint64_t{r.liveness == reach::unreachable});
  return h.spread();
}

std::uint64_t digest(const view& members) {
  std::uint64_t sum = 0;
  for (const auto& [id, r] : members) sum += digest(r);
  return sum;
}
}  // namespace troupe::membership
