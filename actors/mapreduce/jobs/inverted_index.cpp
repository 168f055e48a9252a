// inverted-index: in which files each word occurs; lines word<TAB>file<TAB>file..., words sorted
// bytewise within a part, files within a line. Words are those of wordcount.
// The file is part of the key, so that files arrive sorted, each once, and a word in a million files
// needs no memory in its reducer.
#include "actors/mapreduce/job.hpp"
#include "patterns/mapreduce/partition.hpp"
#include "patterns/mapreduce/words.hpp"
namespace troupe::mapreduce {
namespace {
struct inverted_index : job_of<std::pair<std::string, std::string>, nothing> {
  static constexpr auto input_format = records::blocks;
  static constexpr bool separator(char c) { return !is_word_char(c); }

  void map(const record& text, auto& emit) {
    if (text.file != file_ || seen_.used() > seen_max) {
      file_.assign(text.file);
      seen_.clear();
    }
    words_.scan(text.text, [&](const char* word, std::size_t size) {
      const auto key = hashed_key::padded(word, size);
      auto* cell = &seen_.find(key);
      if (cell->where != 0) return;
      if (seen_.wants_room()) {
        seen_.grow();
        cell = &seen_.find(key);
      }
      seen_.fill(*cell, key, 1);
      emit({std::string_view{word, size}, std::string_view{file_}});
    });
  }
  void combine(nothing&, nothing) {}  // a file counts once for a word
  std::uint32_t partition(const key_type& key, std::uint32_t parts) {
    return hash_partition(key.first, parts);
  }

  void reduce(const key_type& key, auto& values, auto& output) {
    for ([[maybe_unused]] auto value : values) continue;
    if (key.first != word_ || !any_) {
      finish_reduce(output);
      word_ = key.first;
      any_ = true;
      output.write(word_);
    }
    output.write("\t");
    output.write(key.second);
  }
  void finish_reduce(auto& output) {
    if (any_) output.line({});
    any_ = false;
  }

 private:
  // what was seen of the map's present file; the sink finds the rest of what is double
  static constexpr std::size_t seen_max = 1 << 16;
  combining_table seen_{};
  std::string file_{};
  word_scanner words_{};
  std::string word_{};
  bool any_ = false;
};
TROUPE_JOB(inverted_index, "inverted-index",
           "in which files each word occurs, word<TAB>file<TAB>file...")
}  // namespace
}  // namespace troupe::mapreduce
