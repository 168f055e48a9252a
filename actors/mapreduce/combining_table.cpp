#include "actors/mapreduce/map_sink.hpp"

#include <cstdlib>
#include <new>
#include <utility>

#include <sys/mman.h>
namespace troupe::mapreduce {
namespace {
constexpr std::size_t huge_page = 2 << 20;
}

void combining_table::release::operator()(cell* cells) const { std::free(cells); }

// Words hit the table at random places: with huge pages they hit far fewer pages.
combining_table::cells_ptr combining_table::zeroed(std::size_t cells) {
  const auto bytes = cells * cell_bytes;
  void* memory = nullptr;
  if (bytes < huge_page) {
    memory = std::calloc(cells, cell_bytes);
  } else {
    memory = std::aligned_alloc(huge_page, bytes);
    if (memory != nullptr) {
      ::madvise(memory, bytes, MADV_HUGEPAGE);
      std::memset(memory, 0, bytes);
    }
  }
  if (memory == nullptr) throw std::bad_alloc{};
  return cells_ptr{static_cast<cell*>(memory)};
}

void combining_table::use(cells_ptr cells, std::size_t n) {
  cells_ = std::move(cells);
  mask_ = n - 1;
  grow_at_ = n / 2;
}

void combining_table::clear() {
  use(zeroed(smallest), smallest);
  std::vector<char>{}.swap(arena_);
  used_ = 0;
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

// A table that grows has its old cells beside the new ones, and so has an arena.
std::size_t combining_table::bytes_with(const hashed_key& key) const {
  const auto cell_count = cells() + (wants_room() ? cells_grown() : 0);
  auto arena = arena_.capacity();
  const auto needed = arena_.size() + (key.size > 16 ? key.size + 8 : 0);
  if (needed > arena) arena += std::max(needed, 2 * arena);
  return cell_count * cell_bytes + arena;
}

void combining_table::grow() {
  const auto n = cells_grown(), before = cells();
  const auto old = std::move(cells_);
  use(zeroed(n), n);
  for (std::size_t j = 0; j < before; ++j) {
    const cell& c = old[j];
    if (c.where == 0) continue;
    auto i = hashed_key{key_of(c)}.hash & mask_;
    while (cells_[i].where != 0) i = (i + 1) & mask_;
    cells_[i] = c;
  }
}
}  // namespace troupe::mapreduce
