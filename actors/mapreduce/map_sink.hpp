// Where a map's records go: a buffer under a memory bound, sorted and written to local disk when it
// is full.
//   Combining   jobs whose value is a number of at most 8 bytes combine at once in a hash table:
//   `cell`, inline, is the
//               inner loop of word count
//   Otherwise   records are appended to an arena and sorted by partition, key and order of
//   emission: `add`
// map_buffer.hpp has the rest; users need job.hpp alone.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace troupe::mapreduce {
// Masks of the low n bytes: a branch on a word's size would be mispredicted for every other word.
struct byte_masks {
  std::uint64_t low[17]{};
  constexpr byte_masks() {
    for (int n = 1; n <= 16; ++n)
      low[n] = n < 8 ? (std::uint64_t{1} << (8 * n)) - 1 : ~std::uint64_t{0};
  }
};
inline constexpr byte_masks masks{};

// A key with its first 16 bytes and its hash at hand. Two keys are one if length, head and the
// bytes behind are equal.
struct hashed_key {
  const char* data = nullptr;
  std::uint32_t size = 0;
  std::uint64_t head[2] = {0, 0};
  std::uint64_t hash = 0;

  explicit hashed_key(std::string_view key)
      : data{key.data()}, size{static_cast<std::uint32_t>(key.size())} {
    if (size >= 16) {
      std::memcpy(head, data, 16);
    } else if (size >= 8) {
      std::memcpy(&head[0], data, 8);
      if (size > 8) {
        std::memcpy(&head[1], data + size - 8, 8);
        head[1] >>= 8 * (16 - size);
      }
    } else {
      for (std::uint32_t i = 0; i < size; ++i)
        head[0] |= static_cast<std::uint64_t>(static_cast<unsigned char>(data[i])) << (8 * i);
    }
    finish();
  }

  // For inner loops: `from` has 16 readable bytes, whatever lies behind the key.
  static hashed_key padded(const char* from, std::size_t size) { return hashed_key{from, size, 0}; }

 private:
  hashed_key(const char* from, std::size_t length, int)
      : data{from}, size{static_cast<std::uint32_t>(length)} {
    std::memcpy(head, from, 16);
    const auto kept = size < 16 ? size : 16;
    head[0] &= masks.low[kept];
    head[1] &= masks.low[kept < 8 ? 0 : kept - 8];
    finish();
  }

  static std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    __extension__ using wide = unsigned __int128;
    const auto product = static_cast<wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  void finish() {
    hash = mix(head[0] ^ 0x9e3779b97f4a7c15u ^ size, head[1] ^ 0xe7037ed1a0b428dbu);
    if (size > 16) [[unlikely]]
      hash_rest();
  }
  void hash_rest() {
    std::uint32_t i = 16;
    std::uint64_t word = 0;
    for (; i + 8 <= size; i += 8) {
      std::memcpy(&word, data + i, 8);
      hash = mix(hash ^ word, 0x8ebc6af09c88c6e3u);
    }
    word = 0;
    std::memcpy(&word, data + i, size - i);
    hash = mix(hash ^ word ^ (std::uint64_t{size} << 32), 0x589965cc75374cc3u);
  }
};

// Open addressing with linear probing; keys of at most 16 bytes lie in their cell, longer ones in
// an arena.
class combining_table {
 public:
  struct cell {
    std::uint64_t head[2];
    std::uint32_t size;
    std::uint32_t where;  // 0: empty; 1: the key is the head; else 2 + the key's place in the
                          // arena, in units of 8 bytes
    std::uint64_t value;
  };
  static constexpr std::size_t cell_bytes = sizeof(cell);

  // The key's cell, or the empty one where it belongs: then `where` is 0.
  cell& find(const hashed_key& key) {
    for (auto i = key.hash & mask_;; i = (i + 1) & mask_) {
      cell& c = cells_[i];
      if (((c.head[0] ^ key.head[0]) | (c.head[1] ^ key.head[1]) | (c.size ^ key.size)) == 0) {
        if (c.where == 1 || c.where == 0 || rest_equal(c, key)) return c;
      } else if (c.where == 0) {
        return c;
      }
    }
  }
  void fill(cell& empty, const hashed_key& key, std::uint64_t value);  // may move all cells
  bool wants_room() const { return used_ >= grow_at_; }
  void grow();
  void clear();

  std::size_t used() const { return used_; }
  std::size_t cells() const { return mask_ + 1; }
  std::size_t bytes_with(const hashed_key& key) const;  // at most, while this key is filled in
  std::string_view key_of(const cell& c) const {
    return {c.where == 1 ? reinterpret_cast<const char*>(c.head)
                         : arena_.data() + 8 * std::size_t{c.where - 2},
            c.size};
  }
  const cell& at(std::size_t i) const { return cells_[i]; }
  combining_table() { clear(); }

 private:
  bool rest_equal(const cell& c, const hashed_key& key) const {
    return std::memcmp(arena_.data() + 8 * std::size_t{c.where - 2} + 16, key.data + 16,
                       key.size - 16) == 0;
  }
  static constexpr std::size_t smallest = 1 << 6;
  static constexpr std::size_t leaps_below = 1 << 17;  // a small table is soon too small again
  struct release {
    void operator()(cell* cells) const;
  };
  using cells_ptr = std::unique_ptr<cell[], release>;
  static cells_ptr zeroed(std::size_t cells);
  std::size_t cells_grown() const { return cells() * (cells() < leaps_below ? 4 : 2); }
  void use(cells_ptr cells, std::size_t n);
  cells_ptr cells_{};
  std::vector<char> arena_;
  std::size_t mask_ = 0;
  std::size_t used_ = 0;
  std::size_t grow_at_ = 0;
};

class map_sink {
 public:
  virtual ~map_sink() = default;

  // The inner loop of combining jobs: `fold(std::uint64_t& bits)` combines into the value that is
  // there.
  template <class Fold>
  void combine(const hashed_key& key, std::uint64_t bits, Fold&& fold) {
    ++emitted;
    auto& c = table_.find(key);
    if (c.where != 0) [[likely]]
      return fold(c.value);
    add_cell(c, key, bits);
  }
  // A record of any size.
  virtual void add(std::string_view key, std::string_view value) = 0;

  std::uint64_t emitted = 0;

 protected:
  virtual void add_cell(combining_table::cell& empty, const hashed_key& key,
                        std::uint64_t bits) = 0;
  combining_table table_;
};
}  // namespace troupe::mapreduce
