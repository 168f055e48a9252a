// What the journal's tests share: stores on memory and on disk behind one name, and short ways to write batches.
#pragma once
#include "runtime/journal/log_files.hpp"
#include "runtime/journal/memory.hpp"
#include "runtime/journal/store.hpp"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <stdlib.h>

namespace troupe::journal {
inline record entry(std::uint64_t index, std::uint64_t term = 1) {
  return {index, term, "record " + std::to_string(index) + " of term " + std::to_string(term)};
}
inline std::vector<record> entries(std::uint64_t from, std::uint64_t to, std::uint64_t term = 1) {
  std::vector<record> all;
  for (auto i = from; i <= to; ++i) all.push_back(entry(i, term));
  return all;
}
inline snapshot covering(std::uint64_t index, std::uint64_t term = 1) {
  return {index, term, "all up to " + std::to_string(index)};
}

// A directory of the test's own, gone with it.
class scratch {
 public:
  scratch() {
    auto name = (std::filesystem::temp_directory_path() / "troupe-journal-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}
// How far writes have come in a log; what follows is room for more.
inline std::size_t written_in(const std::filesystem::path& log) {
  return static_cast<std::size_t>(scan_log(bytes_of(log)).good_end);
}

inline store_ptr must_open(const store_options& options) {
  auto opened = open_store(options);
  INFO((opened ? std::string{} : opened.error().sentence));
  REQUIRE(opened.has_value());
  return *opened;
}

// Submits and waits for the answer.
inline result<void, failure> put(journal& to, batch what) {
  struct meeting {
    std::mutex mutex{};
    std::condition_variable there{};
    std::optional<result<void, failure>> said{};
  };
  auto m = std::make_shared<meeting>();
  to.submit(std::move(what), [m](const result<void, failure>& r) {
    const std::lock_guard lock{m->mutex};
    m->said = r;
    m->there.notify_all();
  });
  std::unique_lock lock{m->mutex};
  REQUIRE(m->there.wait_for(lock, std::chrono::seconds{60}, [&] { return m->said.has_value(); }));
  return *m->said;
}
inline void must_put(journal& to, batch what) {
  const auto said = put(to, std::move(what));
  INFO((said ? std::string{} : said.error().sentence));
  REQUIRE(said.has_value());
}

inline content must_load(journal& from) {
  auto found = from.load();
  INFO((found ? std::string{} : found.error().sentence));
  REQUIRE(found.has_value());
  return *found;
}
}  // namespace troupe::journal
