// Names of locks as parts of the coordination tree's paths.
#include "patterns/lock/paths.hpp"
#include "patterns/tree/path.hpp"

#include <set>

#include <doctest/doctest.h>
namespace {
using namespace troupe;

std::string length_and_end(std::string_view name) {  // a digest that tells the names here apart
  return std::to_string(name.size()) + "x" + (name.back() == '!' ? "mark" : "rest") +
         std::string(70, '0');
}
constexpr lock::paths p{length_and_end};

TEST_CASE("lock paths: every name is one part that the tree takes, and is read back") {
  const std::pair<std::string, std::string> table[] = {
      {"ledger", "/locks/ledger"},
      {"A-z_0.9", "/locks/A-z_0.9"},
      {"a/b", "/locks/a%2Fb"},
      {"%2F", "/locks/%252F"},
      {"", "/locks/%"},
      {"%", "/locks/%25"},
      {"%%", "/locks/%25%25"},
      {".", "/locks/%2E"},
      {"..", "/locks/%2E%2E"},
      {"...", "/locks/%2E%2E%2E"},
      {".a", "/locks/.a"},
      {"two words", "/locks/two%20words"},
      {std::string("\0\n\xff", 3), "/locks/%00%0A%FF"},
      {"\xc3\xa9", "/locks/%C3%A9"},
      {std::string(900, 'x'), "/locks/" + std::string(900, 'x')},
  };
  std::set<std::string> paths;
  for (const auto& [name, path] : table) {
    const auto& shown = path;  // no binding, for clang 14
    CAPTURE(shown);
    CHECK(p.of(name) == path);
    CHECK(p.data_of(name).empty());
    CHECK(tree::check_path(path, {}));
    CHECK(p.lock_in(path.substr(7), {}) == name);
    CHECK(paths.insert(path).second);
  }
  CHECK(p.of("a/b", "c/d") == "/locks/a%2Fb/c%2Fd");
}

TEST_CASE("lock paths: a name that is too long is its digest, and its node says it") {
  std::set<std::string> paths;
  for (const auto& name :
       {std::string(901, 'x'), std::string(900, 'x') + "!", std::string(301, '/'),
        std::string(1'000, '\xff'), std::string(1'000'000, 'x')}) {
    CAPTURE(name.size());
    const auto path = p.of(name);
    CHECK(path == "/locks/%%" + length_and_end(name));
    CHECK(paths.insert(path).second);
    CHECK(p.data_of(name) == name);
    CHECK(p.lock_in(path.substr(7), name) == name);
    CHECK_FALSE(p.lock_in(path.substr(7), name + "x"));
    CHECK_FALSE(p.lock_in(path.substr(7), {}));
  }
  CHECK_FALSE(p.lock_in("%%" + length_and_end("short"), "short"));
}

TEST_CASE("lock paths: the longest names make paths that the tree takes") {
  const std::string lock(lock::lock_part_max, 'l'), id(lock::id_part_max, 'i');
  CHECK(tree::check_path(p.of(lock, id), {}));
  CHECK(p.of(lock, id + "i") == p.of(lock) + "/%%" + length_and_end(id + "i"));
  CHECK(tree::check_path(p.of(lock, std::string(5'000, '/')), {}));
}

TEST_CASE("lock paths: what is written otherwise than we do is no lock's") {
  for (const auto* part : {"a b", "%61", "%2f", "%2", "%ZZ", "a%", "%%", "%%a", "."}) {
    CAPTURE(part);
    CHECK_FALSE(p.lock_in(part, {}));
    CHECK_FALSE(p.lock_in(part, "a"));
  }
}
}  // namespace
