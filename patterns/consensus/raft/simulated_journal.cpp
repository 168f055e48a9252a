#include "patterns/consensus/raft/simulated_journal.hpp"

#include "patterns/link/bytes.hpp"
namespace troupe::raft::simulated {
namespace {
constexpr std::size_t head = 8;

void put_long(link::buffer& out, std::string_view bytes) {
  link::put(out, static_cast<std::uint32_t>(bytes.size()));
  link::put_bytes(out, {bytes.data(), bytes.size()});
}
std::string get_long(link::byte_reader& in) {
  const auto bytes = in.take(in.get<std::uint32_t>());
  return {bytes.begin(), bytes.end()};
}
void put_base(link::buffer& out, const snapshot& s) {
  link::put(out, s.index);
  link::put(out, s.term);
  put_long(out, raft::encode(s.config));
  put_long(out, *s.bytes);
}
std::optional<snapshot> get_base(link::byte_reader& in) {
  snapshot s;
  s.index = in.get<std::uint64_t>();
  s.term = in.get<std::uint64_t>();
  auto c = decode_configuration(get_long(in));
  if (!c) return {};
  s.config = std::move(*c);
  s.bytes = std::make_shared<const std::string>(get_long(in));
  return s;
}
enum has : std::uint8_t { state = 1, base = 2, restart = 4, cut = 8 };

// As the header of `record` says, in its order.
void add(restored& all, record&& r) {
  if (r.state) all.state = *r.state;
  if (r.base) {
    const auto covered = r.base->index - std::min(r.base->index, all.base.index);
    const auto gone = r.restart ? all.entries.size() : std::min(covered, all.entries.size());
    all.entries.erase(all.entries.begin(), all.entries.begin() + static_cast<std::ptrdiff_t>(gone));
    all.base = std::move(*r.base);
  }
  if (r.cut && *r.cut <= all.base.index + all.entries.size())
    all.entries.resize(static_cast<std::size_t>(*r.cut - all.base.index - 1));
  for (auto& e : r.entries) all.entries.push_back(std::move(e));
}
}  // namespace

std::string encode(const record& r) {
  link::buffer out(head);
  link::put(out, r.number);
  link::put(out,
            static_cast<std::uint8_t>((r.state ? has::state : 0) | (r.base ? has::base : 0) |
                                      (r.restart ? has::restart : 0) | (r.cut ? has::cut : 0)));
  if (r.state) {
    link::put(out, r.state->term);
    link::put(out, r.state->vote);
  }
  if (r.base) put_base(out, *r.base);
  if (r.cut) link::put(out, *r.cut);
  link::put(out, r.first);
  link::put(out, static_cast<std::uint32_t>(r.entries.size()));
  for (const auto& e : r.entries) {
    link::put(out, e.term);
    link::put(out, static_cast<std::uint8_t>(e.kind));
    put_long(out, e.bytes);
  }
  const auto size = static_cast<std::uint32_t>(out.size());
  link::put_at(out, 0, size);
  link::put_at(out, 4, ~size);
  return {out.begin(), out.end()};
}

std::optional<record> decode_record(std::string_view bytes) {
  link::byte_reader in{{bytes.data(), bytes.size()}};
  in.take(head);
  record r;
  r.number = in.get<std::uint64_t>();
  const auto holds = in.get<std::uint8_t>();
  if (holds & has::state) {
    r.state.emplace();
    r.state->term = in.get<std::uint64_t>();
    r.state->vote = in.get<std::uint64_t>();
  }
  if (holds & has::base && !(r.base = get_base(in))) return {};
  r.restart = (holds & has::restart) != 0;
  if (holds & has::cut) r.cut = in.get<std::uint64_t>();
  r.first = in.get<std::uint64_t>();
  const auto count = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
    entry e;
    e.term = in.get<std::uint64_t>();
    e.kind = static_cast<entry_kind>(in.get<std::uint8_t>());
    e.bytes = get_long(in);
    r.entries.push_back(std::move(e));
  }
  if (in.failed() || !in.rest().empty()) return {};
  return r;
}

footprint footprint_of(const record& r, std::uint64_t position) {
  footprint f{.position = position, .number = r.number, .last = {}, .state = r.state};
  if (r.base && r.restart) f.last = r.base->index;
  if (r.cut) f.last = *r.cut - 1;
  if (!r.entries.empty()) f.last = r.first + r.entries.size() - 1;
  return f;
}

std::optional<restored> replay(const std::vector<simulation::disk::stored>& records,
                               std::size_t from, restored first_start) {
  auto all = std::move(first_start);
  for (auto i = from; i < records.size(); ++i) {
    const auto& bytes = records[i].bytes;
    if (bytes.size() < head) continue;  // torn
    link::byte_reader in{{bytes.data(), bytes.size()}};
    const auto size = in.get<std::uint32_t>();
    if (in.get<std::uint32_t>() != ~size) return {};
    if (bytes.size() < size) continue;
    if (!records[i].intact()) return {};
    auto r = decode_record(bytes);
    if (!r) return {};
    add(all, std::move(*r));
  }
  return all;
}
}  // namespace troupe::raft::simulated
