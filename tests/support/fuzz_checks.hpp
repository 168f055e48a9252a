// What fuzz targets expect: a claim that does not hold ends the run, and what is read can be written and read again.
#pragma once
#include "patterns/encoding.hpp"

#include <cstdlib>
#include <string_view>
namespace troupe::test {
inline void expect(bool holds) {
  if (!holds) std::abort();
}

template <class T>
void value(std::string_view bytes) {
  const auto x = decode<T>(bytes);
  if (!x) return;
  const auto again = decode<T>(encode(*x));
  expect(again && *again == *x);
}
}  // namespace troupe::test
