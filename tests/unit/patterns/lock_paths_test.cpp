// Names of locks as parts of the coordination tree's paths.
#include "patterns/lock/paths.hpp"
#include "patterns/tree/path.hpp"

#include <set>

#include <doctest/doctest.h>
namespace {
using namespace troupe;

TEST_CASE("lock paths: every name is one part that the tree takes, and is read back") {
  const std::pair<std::string, std::string> table[] = {
      {"ledger", "/locks/ledger"},
      {"A-z_0.9", "/locks/A-z_0.9"},
      {"a/b", "/locks/a%2Fb"},
      {"%2F", "/locks/%252F"},
      {"", "/locks/%"},
      {"%", "/locks/%25"},
      {".", "/locks/%2E"},
      {"..", "/locks/%2E%2E"},
      {"...", "/locks/%2E%2E%2E"},
      {".a", "/locks/.a"},
      {"two words", "/locks/two%20words"},
      {std::string("\0\n\xff", 3), "/locks/%00%0A%FF"},
      {"\xc3\xa9", "/locks/%C3%A9"},
  };
  std::set<std::string> paths;
  for (const auto& [name, path] : table) {
    CAPTURE(path);
    CHECK(lock::path_of(name) == path);
    CHECK(tree::check_path(path, {}));
    CHECK(lock::lock_of_part(path.substr(7)) == name);
    CHECK(paths.insert(path).second);
  }
  CHECK(lock::path_of("a/b", "c/d") == "/locks/a%2Fb/c%2Fd");
}

TEST_CASE("lock paths: what is written otherwise than we do is no lock's") {
  for (const auto* part : {"a b", "%61", "%2f", "%2", "%ZZ", "a%", "%%", "."}) {
    CAPTURE(part);
    CHECK_FALSE(lock::lock_of_part(part));
  }
}
}  // namespace
