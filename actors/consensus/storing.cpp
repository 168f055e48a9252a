#include "actors/consensus/storing.hpp"

#include "patterns/encoding.hpp"
namespace troupe::consensus {
namespace {
struct stored_snapshot {
  raft::configuration config;
  std::string bytes;
};
TROUPE_MESSAGE(stored_snapshot, config, bytes)

journal::snapshot stored(const raft::snapshot& s) {
  std::string bytes;
  bytes.reserve(s.bytes->size() + 1024);
  encode_to(bytes, stored_snapshot{s.config, *s.bytes});
  return {s.index, s.term, std::move(bytes)};
}
}  // namespace

journal::batch batch_of(raft::record&& r) {
  journal::batch b;
  if (r.state) b.state = encode(*r.state);
  if (r.base) b.replace = stored(*r.base);
  b.restart = r.restart;
  b.cut_from = r.cut;
  auto index = r.first;
  b.append.reserve(r.entries.size());
  for (auto& e : r.entries) {
    std::string bytes;
    bytes.reserve(e.bytes.size() + 1);
    bytes.push_back(static_cast<char>(e.kind));
    bytes += e.bytes;
    b.append.push_back({index++, e.term, std::move(bytes)});
  }
  return b;
}

result<raft::restored, std::string> restored_from(journal::content&& found) {
  raft::restored from;
  const auto wrong = [](const std::string& what) {
    return unexpected{"the journal's " + what +
                      " is none of Raft's: `troupe journal verify` says more"};
  };
  if (!found.state.empty()) {
    auto state = decode<raft::hard_state>(found.state);
    if (!state) return wrong("state");
    from.state = *state;
  }
  if (found.base) {
    auto base = decode<stored_snapshot>(found.base->bytes);
    if (!base) return wrong("snapshot at " + std::to_string(found.base->index));
    from.base = {found.base->index, found.base->term, std::move(base->config),
                 std::make_shared<const std::string>(std::move(base->bytes))};
  }
  for (auto& r : found.records) {
    if (r.index <= from.base.index) continue;
    if (r.bytes.empty() || !valid_enum(static_cast<raft::entry_kind>(r.bytes[0])))
      return wrong("record " + std::to_string(r.index));
    from.entries.push_back({r.term, static_cast<raft::entry_kind>(r.bytes[0]), r.bytes.substr(1)});
  }
  return from;
}

journal::batch founding(const raft::configuration& voters) {
  journal::batch b;
  b.state = encode(raft::hard_state{1, 0});
  b.replace = stored({.index = 1, .term = 1, .config = raft::normal(voters)});
  b.restart = true;
  return b;
}

raft::restored founded(const raft::configuration& voters) {
  raft::restored from;
  from.state.term = 1;
  from.base = {.index = 1, .term = 1, .config = raft::normal(voters)};
  return from;
}
}  // namespace troupe::consensus
