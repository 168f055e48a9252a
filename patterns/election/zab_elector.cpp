#include "patterns/election/zab_elector.hpp"

#include "patterns/consensus/zab/fast_election.hpp"
#include "patterns/encoding.hpp"

#include <algorithm>
#include <utility>
namespace troupe::election {
namespace {
namespace fast = zab::election;

zab::server id_of(server s) { return zab::server{s} + 1; }
server server_of(zab::server id) { return static_cast<server>(id - 1); }

zab::ensemble ensemble_of(const setting& how) {
  zab::ensemble e;
  for (const auto s : how.members) e.voters.push_back(id_of(s));
  for (const auto s : how.observers) e.observers.push_back(id_of(s));
  std::sort(e.voters.begin(), e.voters.end());
  std::sort(e.observers.begin(), e.observers.end());
  return e;
}
fast::options options_of(const setting& how) {
  fast::options o;
  o.silence = how.patience;
  o.beat = how.beat;
  o.again = how.patience / 2;
  o.again_max = how.patience * 4;
  o.settle = how.beat;
  return o;
}
fast::settled word_in(std::string_view persisted) {
  const auto before = decode<fast::settled>(persisted);
  return before ? *before : fast::settled{};
}

class zab_elector : public elector {
 public:
  zab_elector(const setting& how, std::string_view persisted, instant now, elector_output& out)
      : self_{id_of(how.self)},
        core_{self_, ensemble_of(how), options_of(how), word_in(persisted), how.life} {
    believed_.term = word_in(persisted).round;
    step(fast::look{own_vote(how.eager)}, now, out);
  }
  void receive(server from, std::string_view bytes, instant now, elector_output& out) override {
    if (auto m = decode<zab::notification>(bytes))
      step(fast::heard{id_of(from), std::move(*m)}, now, out);
  }
  void persisted(instant, elector_output&) override {}
  void lost(server peer, std::uint64_t, instant now, elector_output& out) override {
    step(fast::lost{id_of(peer)}, now, out);
  }
  void back(server, std::uint64_t, instant, elector_output&) override {}
  void tick(instant now, elector_output& out) override { step(fast::tick{}, now, out); }
  void stand(bool eager) override {
    elector_output none;
    step(fast::weigh{own_vote(eager)}, instant{}, none);
  }
  instant due() const override { return core_.due(); }
  // A leader is one once a quorum has joined it. Rounds that were only looked in are no terms; and
  // one that leads an older round than was believed in is none for this member.
  belief now_believes() const override {
    if (core_.leader() == 0 || (core_.leader() == self_ && !core_.established()) ||
        core_.round() < believed_.term)
      return {standing::looking, 0, believed_.term};
    const auto as = core_.leader() == self_                  ? standing::leading
                    : core_.as() == zab::standing::observing ? standing::observing
                                                             : standing::following;
    return {as, server_of(core_.leader()), core_.round()};
  }

 private:
  // There is no history here: an eager member's takes the place of the better one.
  zab::vote own_vote(bool eager) const {
    return {.epoch = 0, .last = {0, eager ? 1U : 0U}, .leader = self_};
  }
  void step(const fast::input& in, instant now, elector_output& out) {
    fast::output did;
    const auto before = core_.sent();
    core_.step(in, now, did);
    const auto& after = core_.sent();
    // All of them are notifications; what each is for the core's tally tells.
    const auto kind = after.beats > before.beats       ? "beat"
                      : after.joins > before.joins     ? "join"
                      : after.answers > before.answers ? "answer"
                                                       : "vote";
    for (auto& l : did.send) out.send.push_back({server_of(l.to), kind, encode(l.what)});
    if (did.persist) out.persist = encode(*did.persist);
    auto b = now_believes();
    if (b.as == believed_.as && b.leader == believed_.leader &&
        (b.term == believed_.term || b.as == standing::looking))
      return;
    believed_ = b;
    out.changes.push_back(b);
  }

  zab::server self_;
  zab::fast_election core_;
  belief believed_{};
};
}  // namespace

std::unique_ptr<elector> make_zab_elector(const setting& how, std::string_view persisted,
                                          instant now, elector_output& out) {
  return std::make_unique<zab_elector>(how, persisted, now, out);
}
}  // namespace troupe::election
