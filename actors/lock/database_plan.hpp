// Wishes to a lock store as orders to a database, many at once; and the answers from what it gives.
#pragma once
#include "actors/lock/database.hpp"
#include "patterns/lock/store.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>
namespace troupe::lock {
constexpr std::size_t name_bytes_max =
    1'024;  // of a lock, and of a wish: both fit in one row of an index
constexpr std::size_t owner_bytes_max = 65'536;

// What needs no database to be answered.
std::optional<answer> answer_at_once(const wish& what);

struct plan {
  struct part {  // which order a wish's is
    std::optional<std::size_t> change{}, look{};
  };
  std::vector<sql_order> changes{}, looks{};
  std::vector<part> parts{};  // of each wish
};
// In their order. Lines that several want to see are looked at once. Awaits are no part of it: their store knows what it
// awaits already. `fresh`: a name that no session ever had.
plan plan_for(const std::vector<wish>& all, const std::function<std::string()>& fresh);
// nothing: an await's.
std::optional<answer> answer_to(const wish& what, const plan& asked, const plan::part& its,
                                const sql_outcome& got);
answer answer_to(const wish& what, const sql_failure& why);
// What went in this transaction.
tickets gone_in(const plan& asked, const sql_outcome& got);
line line_in(const sql_rows& rows);
}  // namespace troupe::lock
