#include "patterns/election/raft_elector.hpp"

#include "patterns/consensus/raft/raft.hpp"
#include "patterns/encoding.hpp"

#include <algorithm>
#include <utility>
namespace troupe::election {
namespace {
struct kept {  // of the replica, whole
  raft::hard_state state{};
  std::uint64_t base_index = 0;
  std::uint64_t base_term = 0;
  std::vector<raft::entry> entries{};
};
TROUPE_MESSAGE(kept, state, base_index, base_term, entries)

constexpr std::uint64_t entries_kept = 64;  // of those that are committed
// Who is not eager stands after so many times the patience: whoever is may have less of the log.
constexpr int reluctance = 4;

std::string_view kind_of(const raft::message& m) {
  return std::visit([](const auto& x) { return name_of<std::decay_t<decltype(x)>>(); }, m);
}
raft::server id_of(server s) { return raft::server{s} + 1; }
server server_of(raft::server id) { return static_cast<server>(id - 1); }

raft::configuration group_of(const setting& how) {
  raft::configuration all;
  for (const auto s : how.members) all.voters.push_back({id_of(s), std::to_string(s)});
  for (const auto s : how.observers) all.learners.push_back({id_of(s), std::to_string(s)});
  const auto by_id = [](const raft::peer& a, const raft::peer& b) { return a.id < b.id; };
  std::sort(all.voters.begin(), all.voters.end(), by_id);
  std::sort(all.learners.begin(), all.learners.end(), by_id);
  return all;
}
raft::options options_of(const setting& how) {
  raft::options o;
  o.election = how.patience;
  o.heartbeat = how.beat;
  o.election_after_loss = how.patience / 4;
  return o;
}
raft::restored restored_from(const setting& how, std::string_view persisted) {
  raft::restored from;
  from.base.config = group_of(how);
  if (persisted.empty()) return from;
  // What this wrote it can read; a disk's bytes have a checksum.
  if (auto all = decode<kept>(persisted)) {
    from.state = all->state;
    from.base.index = all->base_index;
    from.base.term = all->base_term;
    from.entries = std::move(all->entries);
  }
  return from;
}

class raft_elector : public elector {
 public:
  raft_elector(const setting& how, std::string_view persisted, instant now)
      : observes_{std::find(how.observers.begin(), how.observers.end(), how.self) !=
                  how.observers.end()},
        eager_{how.eager},
        patience_{how.patience},
        heard_{now},
        core_{id_of(how.self), options_of(how), restored_from(how, persisted), how.seed, now} {
    believed_ = now_believes();
  }
  void receive(server from, std::string_view bytes, instant now, elector_output& out) override {
    auto m = decode<raft::message>(bytes);
    if (!m) return;
    step(raft::received{id_of(from), std::move(*m)}, now, out);
    if (id_of(from) != core_.leader()) return;
    heard_ = now;
    if (silent_) silent_ = false, say(out);
  }
  void persisted(instant now, elector_output& out) override {
    step(raft::persisted{written_}, now, out);
  }
  void lost(server peer, std::uint64_t, instant now, elector_output& out) override {
    step(raft::lost{id_of(peer)}, now, out);
  }
  void back(server, std::uint64_t, instant, elector_output&) override {}
  void tick(instant now, elector_output& out) override {
    if (!waits() || now >= stands_at()) step(raft::tick{}, now, out);
    if (!(observes_ || waits()) || silent_ || now < heard_ + patience_) return;
    silent_ = true;  // who does not stand would believe in its leader for ever
    say(out);
  }
  void stand(bool eager) override { eager_ = eager; }
  instant due() const override {
    const auto core = waits() ? std::max(core_.due(), stands_at()) : core_.due();
    return (observes_ || waits()) && !silent_ ? std::min(core, heard_ + patience_) : core;
  }
  belief now_believes() const override {
    if (core_.as() == raft::role::leader)
      return {standing::leading, server_of(core_.leader()), core_.term()};
    if (core_.leader() == 0 || silent_) return {standing::looking, 0, core_.term()};
    return {observes_ ? standing::observing : standing::following, server_of(core_.leader()),
            core_.term()};
  }

 private:
  bool waits() const { return !eager_ && !observes_ && core_.as() == raft::role::follower; }
  instant stands_at() const { return heard_ + reluctance * patience_; }
  void step(raft::input in, instant now, elector_output& out) {
    raft::output did;
    core_.step(std::move(in), now, did);
    if (did.persist) {
      written_ = did.persist->number;
      const auto& log = core_.entries();
      kept all{{core_.term(), core_.vote()}, core_.base().index, core_.base().term, {}};
      for (auto i = all.base_index + 1; i <= log.last(); ++i) all.entries.push_back(log.at(i));
      out.persist = encode(all);
    }
    for (auto& l : did.send_now) out.send_now.push_back(written(l));
    for (auto& l : did.send) out.send.push_back(written(l));
    if (core_.commit() > core_.base().index + entries_kept)
      return step(raft::snapshotted{core_.commit(), std::make_shared<const std::string>()}, now,
                  out);
    say(out);
  }
  void say(elector_output& out) {
    const auto b = now_believes();
    if (b == believed_) return;
    believed_ = b;
    out.changes.push_back(b);
  }
  static letter written(const raft::letter& l) {
    return {server_of(l.to), kind_of(l.what), encode(l.what)};
  }

  bool observes_, eager_;
  bool silent_ = false;  // the leader, to one that does not stand
  duration patience_;
  instant heard_;
  raft::replica core_;
  std::uint64_t written_ = 0;
  belief believed_{};
};
}  // namespace

std::unique_ptr<elector> make_raft_elector(const setting& how, std::string_view persisted,
                                           instant now, elector_output&) {
  return std::make_unique<raft_elector>(how, persisted, now);
}
}  // namespace troupe::election
