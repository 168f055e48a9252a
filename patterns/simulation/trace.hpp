// What happened in a run, as JSON lines {"time":ns,"node":"a","event":...} (ARCHITECTURE.md, 6), and
// a digest of it: two runs that agree in the digest did the same, in the same order.
#pragma once
#include "patterns/simulation/random.hpp"

#include <string>
#include <string_view>
namespace troupe::simulation {
// In quotes, as JSON wants it.
void append_json(std::string& out, std::string_view text);
// "name":"text", after a comma
void append_field(std::string& out, std::string_view name, std::string_view text);
void append_field(std::string& out, std::string_view name, std::int64_t number);

class trace {
 public:
  void keep(bool lines) { kept_ = lines; }
  bool kept() const { return kept_; }
  // Each happening counts; lines don't, so that keeping them changes no digest.
  void mix(std::uint64_t x) {
    digest_ = (digest_ ^ x) * 0x9e3779b97f4a7c15U;
    digest_ ^= digest_ >> 32;
  }
  // `fields`: what append_field has made, the first of them "event"
  void line(instant at, std::string_view node, std::string_view fields);
  // A whole line, of somebody else's making: it counts, whether it is kept or not.
  void append(std::string_view whole);
  std::uint64_t digest() const { return digest_; }
  const std::string& text() const { return text_; }

 private:
  bool kept_ = false;
  std::uint64_t digest_ = 0xcbf29ce484222325U;
  std::string text_;
};
}  // namespace troupe::simulation
