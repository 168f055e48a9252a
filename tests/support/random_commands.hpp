// Commands and questions for the replicated map, drawn so that they meet: few keys, few leases, some
// that are refused.
#pragma once
#include "patterns/simulation/random.hpp"
#include "patterns/storage/map.hpp"

#include <string>
#include <utility>
#include <vector>
namespace troupe::test {
class random_commands {
 public:
  explicit random_commands(std::uint64_t seed) : chance_{seed} {}
  std::uint64_t below(std::uint64_t n) { return chance_.below(n); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  std::string key() {
    static const std::vector<std::string> all{
        "a",        "ab",  "abc",  "ac", "b",
        "b/1",      "b/2", "b/20", "b0", "\xff",
        "\xff\xff", "c",   "c/x",  "d",  std::string("d\0", 2)};
    return one_in(40) ? (one_in(2) ? "" : std::string(9, 'k')) : chance_.one_of(all);
  }
  std::string value() {
    return one_in(40) ? std::string(33, 'v')
                      : std::string(below(5), static_cast<char>('a' + below(3)));
  }
  storage::selection keys() {
    switch (below(4)) {
      case 0:
        return storage::prefix(one_in(6) ? "" : key());
      case 1:
        return storage::range(key(), one_in(4) ? "" : key());
      default:
        return storage::one(key());
    }
  }
  storage::lease_id lease() {
    if (one_in(2)) return 0;
    return one_in(3) ? storage::lease_ids_own + below(6) : 1 + below(5);
  }
  storage::put put() { return {key(), value(), lease(), one_in(2), one_in(5)}; }
  storage::erase erase() { return {keys(), one_in(2)}; }
  storage::get get(storage::revision now) {
    storage::get g{keys(), one_in(3) ? 0 : below(now + 2), one_in(2) ? 0 : below(5)};
    g.keys_only = one_in(4);
    g.count_only = one_in(6);
    g.by = static_cast<storage::aspect>(below(6));
    if (one_in(2)) g.by = storage::aspect::key;
    g.sorted = static_cast<storage::order>(below(2));
    g.create_max = one_in(3) ? below(now + 1) : 0;
    return g;
  }
  storage::operation operation(storage::revision now) {
    if (one_in(2)) return put();
    if (one_in(2)) return erase();
    auto g = get(now);
    if (!one_in(20)) g.at = 0;
    return g;
  }
  storage::compare compare(storage::revision now) {
    storage::compare c{keys(), static_cast<storage::aspect>(1 + below(5)),
                       static_cast<storage::relation>(below(4)), below(4), value()};
    if (c.what == storage::aspect::create_revision || c.what == storage::aspect::mod_revision)
      c.number = below(now + 1);
    if (c.what == storage::aspect::lease) c.number = lease();
    if (one_in(50)) c.what = storage::aspect::key;
    return c;
  }
  storage::txn txn(storage::revision now) {
    storage::txn t;
    for (auto n = below(3); n > 0; --n) t.when.push_back(compare(now));
    for (auto n = below(5); n > 0; --n) t.then.push_back(operation(now));
    for (auto n = below(4); n > 0; --n) t.otherwise.push_back(operation(now));
    return t;
  }
  storage::command command(storage::revision now) {
    switch (below(20)) {
      case 0:
      case 1:
        return storage::lease_grant{storage::duration{below(3000)}, one_in(2) ? 0 : lease()};
      case 2:
        return storage::lease_revoke{lease(), below(3)};
      case 3:
        return storage::compact{one_in(4) ? below(now + 2) : now - std::min(now, below(30))};
      case 4:
      case 5:
      case 6:
        return erase();
      case 7:
      case 8:
      case 9:
      case 10:
      case 11:
        return txn(now);
      default:
        return put();
    }
  }
  storage::question question(storage::revision now) {
    if (one_in(6)) return storage::lease_info{lease(), one_in(2)};
    if (one_in(10)) return storage::lease_list{};
    return get(now);
  }

 private:
  simulation::generator chance_;
};
}  // namespace troupe::test
