// wordcount: how often each word occurs. A word is a maximal run of [A-Za-z0-9_], lower-cased in
// ASCII; lines word<TAB>count, sorted bytewise within a part.
#include "actors/mapreduce/job.hpp"
#include "patterns/mapreduce/words.hpp"
namespace troupe::mapreduce {
namespace {
struct wordcount : job_of<std::string, std::uint64_t> {
  static constexpr auto input_format = records::blocks;
  static constexpr bool separator(char c) { return !is_word_char(c); }

  void map(const record& text, auto& emit) {
    words_.scan(text.text, [&](const char* word, std::size_t size) {
      emit(hashed_key::padded(word, size), 1);
    });
  }
  void combine(std::uint64_t& sum, std::uint64_t more) { sum += more; }

 private:
  word_scanner words_{};
};
TROUPE_JOB(wordcount, "wordcount", "how often each word occurs, word<TAB>count")
}  // namespace
}  // namespace troupe::mapreduce
