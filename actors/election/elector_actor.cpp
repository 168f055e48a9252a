#include "actors/election/elector_actor.hpp"

#include "patterns/encoding.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/events.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/peers.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include <caf/all.hpp>
namespace troupe::election {
struct elector_tick {};
struct slot_written {
  std::uint64_t number = 0;
  std::string problem;  // empty: none
};
}  // namespace troupe::election
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::elector_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::slot_written)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::stand)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::renew)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::peer_shaken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::tell_beliefs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::believes)

namespace troupe::election {
namespace {
struct slot {  // in the journal
  std::uint64_t life = 0;
  std::string bytes{};     // the elector's
  std::uint64_t term = 0;  // the highest believed in, which not every member's elector persists
};
TROUPE_MESSAGE(slot, life, bytes, term)

class elector_actor : public caf::event_based_actor {
 public:
  elector_actor(caf::actor_config& config, elector_settings settings)
      : caf::event_based_actor{config}, s_{std::move(settings)}, eager_{s_.how.eager} {
    peers_.resize(s_.names.size());
    if (s_.kept.empty()) return;
    // What this wrote it can read; a disk's bytes have a checksum.
    if (auto before = decode<slot>(s_.kept)) {
      life_ = before->life;
      bytes_ = std::move(before->bytes);
      highest_ = before->term;
    }
  }
  const char* name() const override { return "elector"; }
  void on_exit() override {
    peers_.clear();
    told_.clear();
    held_.clear();
    core_.reset();
    s_.log.reset();
  }

  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& gone) {
      told_.erase(std::remove_if(told_.begin(), told_.end(),
                                 [&](const auto& whom) { return whom.address() == gone.source; }),
                  told_.end());
    });
    begin();
    return {
        [this](const word& w) { take(w); },
        [this](elector_tick) {
          armed_.reset();
          if (core_ && now() >= core_->due())
            step([](elector& e, instant at, elector_output& out) { e.tick(at, out); });
          arm();
        },
        [this](const slot_written& what) { written(what); },
        [this](peer_up& up) {
          auto* const p = peer_named(up.id);
          if (!p) return;
          p->handle = std::move(up.handle);
          if (durable_ >= begun_) greet(*p);
        },
        [this](const peer_down& down) {
          auto* const p = peer_named(down.id);
          if (!p) return;
          p->handle = nullptr;
          lose(*p);
        },
        [this](const peer_shaken& what) {
          if (auto* const p = peer_named(what.id)) lose(*p);
        },
        [this](stand x) {
          if (x.eager == std::exchange(eager_, x.eager)) return;
          if (may_rest()) return begin();
          core_->stand(x.eager);
          arm();
        },
        [this](renew) {
          if (core_) begin();
        },
        [this](tell_beliefs& x) {
          if (!x.whom) return;
          monitor(x.whom);
          send(x.whom, belief_of(believed_));
          told_.push_back(std::move(x.whom));
        },
    };
  }

 private:
  struct peer {
    caf::actor handle;
    std::uint64_t life = 0;  // the latest known
    bool gone = false;       // and it is over, or rests, as far as is known
  };
  struct held {  // until that record is durable
    std::uint64_t record = 0;
    std::vector<letter> letters;
    std::vector<belief> changes;
    bool greets = false;
  };

  instant now() { return std::chrono::duration_cast<instant>(clock().now().time_since_epoch()); }
  peer* peer_named(const std::string& node) {
    const auto at = std::find(s_.names.begin(), s_.names.end(), node);
    const auto who = static_cast<server>(at - s_.names.begin());
    return at == s_.names.end() || who == s_.how.self ? nullptr : &peers_[who];
  }
  server number_of(const peer& p) const { return static_cast<server>(&p - peers_.data()); }
  bool may_rest() const { return !s_.which->majority; }

  // Another life: nothing of the former one leaves any more.
  void begin() {
    ++life_;
    held_.clear();
    core_.reset();
    elector_output out;
    if (eager_ || !may_rest()) {
      auto how = s_.how;
      how.life = life_;
      how.eager = eager_;
      how.seed += life_;
      core_ = s_.which->make(how, bytes_, now(), out);
    }
    keep();
    begun_ = written_;
    held_.push_back({begun_, {}, {}, true});
    obey(out);
    say({standing::looking, 0, highest_});
    for (const auto& p : peers_)
      if (p.gone && p.life > 0) tell_lost(p);
    arm();
  }

  template <class F>
  void step(F&& what) {
    if (!core_) return;
    elector_output out;
    what(*core_, now(), out);
    obey(out);
  }
  void obey(elector_output& out) {
    const auto before = highest_;
    for (auto& b : out.changes) {
      if (b.term < highest_) b = {standing::looking, 0, highest_};
      highest_ = b.term;
    }
    if (out.persist) bytes_ = std::move(*out.persist);
    if (out.persist || highest_ > before) keep();
    for (const auto& l : out.send_now) post(l);
    if (!out.send.empty() || !out.changes.empty())
      held_.push_back({written_, std::move(out.send), std::move(out.changes), false});
    let_go();
    arm();
  }
  void keep() {
    ++written_;
    s_.log->submit(
        {.state = encode(slot{life_, bytes_, highest_})},
        [to = caf::actor_cast<caf::actor>(this), number = written_](const auto& done) {
          caf::anon_send(to, slot_written{number, done ? std::string{} : done.error().sentence});
        });
  }
  void written(const slot_written& what) {
    if (!what.problem.empty()) return quit(make_error(errc::failed, what.problem));
    durable_ = what.number;
    let_go();
    if (durable_ == written_)
      step([](elector& e, instant at, elector_output& out) { e.persisted(at, out); });
  }
  void let_go() {
    while (!held_.empty() && held_.front().record <= durable_) {
      const auto h = std::move(held_.front());
      held_.pop_front();
      if (h.greets)
        for (const auto& p : peers_) greet(p);
      for (const auto& l : h.letters) post(l);
      for (const auto& b : h.changes) say(b);
    }
  }
  void post(const letter& l) {
    if (l.to >= peers_.size() || !peers_[l.to].handle) return;
    send(peers_[l.to].handle, word{s_.how.self, life_, false, l.bytes});
    count(l.kind);
  }
  void greet(const peer& p) {
    if (!p.handle) return;
    send(p.handle, word{s_.how.self, life_, core_ == nullptr, {}});
    count("life");
  }
  void count(std::string_view kind) {
    auto& to = sent_[kind];
    if (to == nullptr)
      to = &metrics::counter("troupe_election_messages_total",
                             "Messages that this node's electors have sent to others.",
                             {{"algorithm", s_.which->name}, {"kind", kind}});
    to->add();
  }

  void take(const word& w) {
    if (w.from >= peers_.size() || w.from == s_.how.self) return;
    auto& p = peers_[w.from];
    if (w.life < p.life) return;
    if (w.life > p.life) {
      if (p.life > 0) lose(p);
      p.life = w.life;
    }
    if (w.rests) return lose(p);
    if (std::exchange(p.gone, false))
      step([&](elector& e, instant at, elector_output& out) { e.back(w.from, w.life, at, out); });
    if (!w.bytes.empty())
      step([&](elector& e, instant at, elector_output& out) {
        e.receive(w.from, w.bytes, at, out);
      });
  }
  void lose(peer& p) {
    if (!std::exchange(p.gone, true) && p.life > 0) tell_lost(p);
  }
  void tell_lost(const peer& p) {
    step([&](elector& e, instant at, elector_output& out) {
      e.lost(number_of(p), p.life, at, out);
    });
  }

  believes belief_of(const belief& b) const {
    return {s_.election, b.as, b.as == standing::looking ? std::string{} : s_.names[b.leader],
            b.term, core_ == nullptr};
  }
  void say(const belief& b) {
    believed_ = b;
    const auto what = belief_of(b);
    log::info("election", to_string(b.as),
              {{"election", s_.election}, {"leader", what.leader}, {"term", b.term}});
    metrics::gauge("troupe_election_term", "The term of an election, as this node knows it.",
                   {{"election", s_.election}})
        .set(static_cast<double>(b.term));
    if (b.as == standing::leading) {
      s_.events->write(events::leader{"election." + s_.election, b.term});
      metrics::counter("troupe_elections_won_total",
                       "Elections by algorithm that this node has won.",
                       {{"algorithm", s_.which->name}})
          .add();
    }
    for (const auto& whom : told_) send(whom, what);
  }

  void arm() {
    if (!core_) return;
    const auto due = core_->due();
    if (due == instant::max() || (armed_ && *armed_ <= due)) return;
    armed_ = due;
    const auto at = now();
    delayed_send(this, due > at ? due - at : instant{0}, elector_tick{});
  }

  elector_settings s_;
  std::unique_ptr<elector> core_;  // none: it rests
  bool eager_;
  std::uint64_t life_ = 0;
  std::string bytes_;  // the last that it persisted
  std::uint64_t highest_ = 0;
  std::uint64_t written_ = 0, durable_ = 0, begun_ = 0;  // records; this life's first
  std::deque<held> held_;
  std::vector<peer> peers_;  // by number, itself among them
  std::vector<caf::actor> told_;
  std::map<std::string_view, metrics::counter_handle*, std::less<>> sent_;  // by kind
  belief believed_{};
  std::optional<instant> armed_;
};
}  // namespace

caf::actor spawn_elector(caf::actor_system& system, elector_settings settings) {
  return system.spawn<elector_actor>(std::move(settings));
}

void register_elector_types(caf::actor_system_config& config) {
  config.add_message_type<word>("election.word");
}
}  // namespace troupe::election
