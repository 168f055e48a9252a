#include "patterns/checking/value.hpp"

#include "patterns/text.hpp"

#include <functional>

namespace troupe::checking {
namespace {
// numbers share a rank, since 7 equals 7.0
int rank_of(const value& x) {
  if (x.empty()) return 0;
  if (x.truth()) return 1;
  if (x.integer() || x.real()) return 2;
  return x.text() ? 3 : 4;
}

std::weak_ordering ordered(double a, double b) {
  return a < b   ? std::weak_ordering::less
         : b < a ? std::weak_ordering::greater
                 : std::weak_ordering::equivalent;
}

std::weak_ordering numbers(const value& a, const value& b) {
  if (a.integer() && b.integer()) return *a.integer() <=> *b.integer();
  const auto real = [](const value& x) {
    return x.real() ? *x.real() : static_cast<double>(*x.integer());
  };
  return ordered(real(a), real(b));
}
}  // namespace

value::value(list x) : held_{std::move(x)} {}

const value* value::at(std::size_t place) const {
  const auto* all = elements();
  return all && place < all->size() ? &(*all)[place] : nullptr;
}

std::weak_ordering operator<=>(const value& a, const value& b) {
  const int rank = rank_of(a);
  if (const auto order = rank <=> rank_of(b); order != 0) return order;
  switch (rank) {
    case 1:
      return *a.truth() <=> *b.truth();
    case 2:
      return numbers(a, b);
    case 3:
      return a.text()->compare(*b.text()) <=> 0;
    case 4:
      for (std::size_t i = 0; a.at(i) && b.at(i); ++i)
        if (const auto order = *a.at(i) <=> *b.at(i); order != 0) return order;
      return a.elements()->size() <=> b.elements()->size();
    default:
      return std::weak_ordering::equivalent;
  }
}

bool operator==(const value& a, const value& b) { return (a <=> b) == 0; }

std::size_t mixed(std::size_t seed, std::size_t more) {
  // splitmix64's finalizer over both
  std::uint64_t x = seed * 0x9e3779b97f4a7c15ULL + more + 0x632be59bd9b4e019ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<std::size_t>(x ^ (x >> 31));
}

std::size_t hash_of(const value& x) {
  const auto rank = static_cast<std::size_t>(rank_of(x));
  if (x.truth()) return mixed(rank, *x.truth() ? 1 : 0);
  // whole numbers hash alike in either form; beyond 2^53 both forms agree on the double
  if (x.integer()) return mixed(rank, std::hash<double>{}(static_cast<double>(*x.integer())));
  if (x.real()) return mixed(rank, std::hash<double>{}(*x.real()));
  if (x.text()) return mixed(rank, std::hash<std::string>{}(*x.text()));
  std::size_t sum = rank;
  if (x.elements())
    for (const auto& element : *x.elements()) sum = mixed(sum, hash_of(element));
  return sum;
}

std::string to_string(const value& x) {
  if (x.truth()) return text_of(*x.truth());
  if (x.integer()) return text_of(*x.integer());
  if (x.real()) return text_of(*x.real());
  if (x.text()) return text_of(*x.text());
  if (!x.elements()) return "null";
  const auto& all = *x.elements();
  std::string text = "[";
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0) text += ", ";
    if (i == text_elements_max) {
      append_more(text, all.size());
      break;
    }
    text += to_string(all[i]);
  }
  return text + ']';
}
}  // namespace troupe::checking
