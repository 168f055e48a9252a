#include "patterns/link/record.hpp"

#include <limits>

namespace troupe::link {
namespace {
constexpr std::size_t length_size = 4;
constexpr std::uint8_t urgent_bit = 16, stages_bit = 32, known_bits = 63;

void put_handle(buffer& out, const handle& of) {
  put_bytes(out, of.node.bytes);
  put(out, of.actor);
}

handle get_handle(byte_reader& in) {
  handle of;
  of.node.bytes = in.get_bytes<20>();
  of.actor = in.get<std::uint64_t>();
  return of;
}

bool known(op what) { return what >= op::message && what <= op::error; }
}  // namespace

std::string_view sentence(record_problem problem) {
  switch (problem) {
    case record_problem::truncated:
      return "a batch ends within a record";
    case record_problem::too_short:
      return "a record's length is below that of its own header";
    case record_problem::unknown_flags:
      return "a record has unknown flags";
    case record_problem::unknown_kind:
      return "a record's message is neither asynchronous, request nor response";
    case record_problem::bad_id:
      return "a record's message id is beyond 60 bits";
    case record_problem::too_many_stages:
      return "a record's message is to pass through too many stages";
  }
  return "";
}

handle record::stage(std::size_t i) const {
  byte_reader in{stages.subspan(i * handle_size, handle_size)};
  return get_handle(in);
}

void put_stages(buffer& packed, const handle& stage) { put_handle(packed, stage); }

std::size_t begin_record(buffer& out, const record& r) {
  const auto at = out.size();
  const auto flags = static_cast<std::uint8_t>(
      static_cast<unsigned>(r.by) | static_cast<unsigned>(r.kind) << 2 |
      (r.urgent ? urgent_bit : 0u) | (r.stages.empty() ? 0u : stages_bit));
  out.resize(at + record_header);
  put_at(out, at + 4, r.what);
  put_at(out, at + 5, flags);
  put_at(out, at + 6, r.target);
  put_at(out, at + 14, r.source);
  put_at(out, at + 22, r.id);
  if (r.by == sender::third) put_handle(out, r.from);
  if (!r.stages.empty()) {
    put(out, static_cast<std::uint8_t>(r.stage_count()));
    put_bytes(out, r.stages);
  }
  put_bytes(out, r.body);
  return at;
}

bool end_record(buffer& out, std::size_t at) {
  const auto size = out.size() - at - length_size;
  if (size > std::numeric_limits<std::uint32_t>::max()) {
    out.resize(at);
    return false;
  }
  put_at(out, at, static_cast<std::uint32_t>(size));
  return true;
}

void put_record(buffer& out, const record& r) { end_record(out, begin_record(out, r)); }

std::optional<record> record_reader::next() {
  while (!problem_ && !rest_.empty()) {
    byte_reader batch{rest_};
    const auto size = batch.get<std::uint32_t>();
    byte_reader in{batch.take(size)};
    if (batch.failed()) return fail(record_problem::truncated);
    if (size == 0) return fail(record_problem::too_short);
    rest_ = batch.rest();
    record r;
    r.what = op{in.get<std::uint8_t>()};
    if (!known(r.what)) {  // of a later version, whose layout is not ours to judge
      ++skipped_;
      continue;
    }
    const auto flags = in.get<std::uint8_t>();
    r.target = in.get<std::uint64_t>();
    r.source = in.get<std::uint64_t>();
    r.id = in.get<std::uint64_t>();
    if (in.failed()) return fail(record_problem::too_short);
    if ((flags & ~known_bits) != 0) return fail(record_problem::unknown_flags);
    r.by = sender{static_cast<std::uint8_t>(flags & 3)};
    const auto kind = static_cast<std::uint8_t>(flags >> 2 & 3);
    if (kind > static_cast<std::uint8_t>(message_kind::response))
      return fail(record_problem::unknown_kind);
    r.kind = message_kind{kind};
    r.urgent = (flags & urgent_bit) != 0;
    if (r.id > message_id_max) return fail(record_problem::bad_id);
    if (r.by == sender::third) r.from = get_handle(in);
    if ((flags & stages_bit) != 0) {
      const auto count = in.get<std::uint8_t>();
      if (count > stages_max) return fail(record_problem::too_many_stages);
      r.stages = in.take(count * handle_size);
    }
    if (in.failed()) return fail(record_problem::too_short);
    r.body = in.rest();
    return r;
  }
  return std::nullopt;
}

std::optional<record> record_reader::fail(record_problem why) {
  problem_ = why;
  return std::nullopt;
}
}  // namespace troupe::link
