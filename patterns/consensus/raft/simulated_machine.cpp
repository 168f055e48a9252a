#include "patterns/consensus/raft/simulated_machine.hpp"

#include "patterns/link/bytes.hpp"
namespace troupe::raft::simulated {
namespace {
std::string text_of(const link::buffer& bytes) { return {bytes.begin(), bytes.end()}; }
link::byte_reader reader_of(std::string_view bytes) {
  return link::byte_reader{{bytes.data(), bytes.size()}};
}
}  // namespace

std::string encode(const request& r) {
  link::buffer out;
  link::put(out, r.client);
  link::put(out, r.sequence);
  link::put(out, static_cast<std::uint8_t>(r.what));
  link::put(out, r.key);
  link::put(out, r.value);
  link::put(out, r.expected);
  return text_of(out);
}

std::optional<request> decode_request(std::string_view bytes) {
  auto in = reader_of(bytes);
  request r;
  r.client = in.get<std::uint32_t>();
  r.sequence = in.get<std::uint32_t>();
  r.what = static_cast<act>(in.get<std::uint8_t>());
  r.key = in.get<std::uint8_t>();
  r.value = in.get<std::uint32_t>();
  r.expected = in.get<std::uint32_t>();
  if (in.failed() || !in.rest().empty() || r.client >= clients || r.key >= keys) return {};
  return r;
}

effect machine::apply(const request& r) {
  auto& known = sessions_[r.client];
  if (r.sequence <= known.sequence) {
    pass(1);
    return {false, r.sequence == known.sequence && known.done};
  }
  const bool done = r.what == act::write || values_[r.key] == r.expected;
  known = {r.sequence, done};
  if (done) values_[r.key] = r.value;
  pass((std::uint64_t{r.client} << 32) + r.sequence);
  pass(values_[r.key] + (done ? 1ULL << 32 : 0));
  return {true, done};
}

std::string machine::encoded() const {
  link::buffer out;
  for (const auto& s : sessions_) {
    link::put(out, s.sequence);
    link::put(out, static_cast<std::uint8_t>(s.done));
  }
  for (const auto v : values_) link::put(out, v);
  link::put(out, digest_);
  return text_of(out);
}

std::optional<machine> machine::decoded(std::string_view bytes) {
  machine m;
  if (bytes.empty()) return m;  // before anything was applied
  auto in = reader_of(bytes);
  for (auto& s : m.sessions_) {
    s.sequence = in.get<std::uint32_t>();
    s.done = in.get<std::uint8_t>() != 0;
  }
  for (auto& v : m.values_) v = in.get<std::uint32_t>();
  m.digest_ = in.get<std::uint64_t>();
  if (in.failed() || !in.rest().empty()) return {};
  return m;
}
}  // namespace troupe::raft::simulated
