// One holder of a lock, by hand: it is given inputs, and answered as a store would.
#pragma once
#include "patterns/lock/holder.hpp"

#include <string>
#include <variant>
#include <vector>
namespace troupe::lock::by_hand {
struct bench {
  explicit bench(holder_settings how = {.lock = "x", .owner = "me"}) : it{std::move(how), "life"} {}
  output give(const input& in) {
    output out;
    it.step(in, now, out);
    if (!out.asks.empty()) asked = out.asks.back();
    if (const auto* s = std::get_if<stand>(&asked.what); s && first_id.empty())
      first_id = s->wanted.id;
    return out;
  }
  output pass() {  // the time until it wants to be asked again
    now = it.due();
    return give(tick{});
  }
  output answer(answer what) { return give(answered{asked.number, std::move(what)}); }
  // Stands, and is told that these are in line.
  output stand_with(line all, std::uint64_t ticket) {
    give(session_is{"s"});
    give(acquire{1});
    return answer(stood{ticket, std::move(all)});
  }
  instant now{std::chrono::seconds{10}};
  ask asked{};
  std::string first_id{};
  holder it;
};
template <class T>
std::vector<T> of(const output& out) {
  std::vector<T> all;
  for (const auto& e : out.events)
    if (const auto* x = std::get_if<T>(&e)) all.push_back(*x);
  return all;
}
template <class T>
const T* wished(const bench& b) {
  return std::get_if<T>(&b.asked.what);
}
inline const place mine{7, "me"};
}  // namespace troupe::lock::by_hand
