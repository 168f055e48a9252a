#include "actors/mapreduce/map_sink.hpp"

#include <algorithm>
namespace troupe::mapreduce {
void combining_table::clear() {
  cells_.assign(std::clamp(cells_.size(), smallest, kept_when_cleared), cell{});
  arena_.clear();
  mask_ = cells_.size() - 1;
  used_ = 0;
  grow_at_ = cells_.size() / 2;
}

void combining_table::fill(cell& empty, const hashed_key& key, std::uint64_t value) {
  empty.head[0] = key.head[0];
  empty.head[1] = key.head[1];
  empty.size = key.size;
  empty.value = value;
  empty.where = 1;
  if (key.size > 16) {
    empty.where = static_cast<std::uint32_t>(arena_.size() / 8 + 2);
    arena_.insert(arena_.end(), key.data, key.data + key.size);
    arena_.resize((arena_.size() + 7) & ~std::size_t{7});
  }
  ++used_;
}

void combining_table::grow() {
  std::vector<cell> old(cells_.size() * 2);
  old.swap(cells_);
  mask_ = cells_.size() - 1;
  grow_at_ = cells_.size() / 2;
  for (const auto& c : old) {
    if (c.where == 0) continue;
    auto i = hashed_key{key_of(c)}.hash & mask_;
    while (cells_[i].where != 0) i = (i + 1) & mask_;
    cells_[i] = c;
  }
}
}  // namespace troupe::mapreduce
