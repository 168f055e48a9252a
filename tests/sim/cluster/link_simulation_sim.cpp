// Handles between whole nodes under swarms of faults: what arrives comes once and in order; what an error says of a
// request is true; each monitor fires once; and in calm everybody finds everybody, and nothing is lost.
#include "cluster/receptionist.hpp"
#include "cluster/simulation_campaign.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "seeds.hpp"

#include <chrono>
#include <map>
#include <set>
#include <utility>

#include <doctest/doctest.h>
namespace {
struct shot {  // a plain message
  std::string by;
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(shot, by, number)
struct order {  // a request
  std::string by;
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(order, by, number)

using namespace troupe::laboratory;
using namespace std::chrono_literals;
using play_atom = caf::atom_constant<caf::atom("play")>;

// What really happened, seen from above.
struct ledger {
  struct request {
    int done = 0;
    std::optional<troupe::outcome> told{};
  };
  std::map<std::pair<std::string, std::uint64_t>, request> requests;
  std::map<std::pair<std::string, std::string>, std::uint64_t> last;  // by sender's and receiver's life
  std::map<std::string, std::size_t> listed;  // by life
  std::map<std::string, int> lives;
  bool calm = false;
  std::string wrong;

  void judge(const std::pair<std::string, std::uint64_t>& id) {
    const auto& r = requests[id];
    const auto what = id.first + "'s request " + std::to_string(id.second);
    if (r.done > 1) wrong = what + " was done twice";
    if (r.told == troupe::outcome::not_done && r.done > 0) wrong = what + " was done, and its sender told that it was not";
    if (r.told == troupe::outcome::done && r.done == 0) wrong = what + " was answered and never done";
  }
};

class player : public caf::event_based_actor {
 public:
  player(caf::actor_config& config, const std::string& node, caf::actor receptionist, std::shared_ptr<ledger> book)
      : caf::event_based_actor{config},
        receptionist_{std::move(receptionist)},
        book_{std::move(book)},
        me_{node + std::to_string(++book_->lives[node])},
        chance_{troupe::fresh_seed(system())} {}
  const char* name() const override { return "player"; }

  caf::behavior make_behavior() override {
    send(receptionist_, troupe::register_service{"player", this});
    send(receptionist_, troupe::subscribe_service{"player", this});
    set_down_handler([this](const caf::down_msg& gone) {
      if (watched_.erase(gone.source) == 0) book_->wrong = me_ + " was told twice that one is down";
    });
    delayed_send(this, 50ms, play_atom::value);
    return {
        [this](const troupe::service_listing& all) {
          others_.clear();
          for (const auto& who : all.who)
            if (who != this) others_.push_back(who);
          book_->listed[me_] = all.who.size();
        },
        [this](play_atom) {
          delayed_send(this, 50ms, play_atom::value);
          if (!others_.empty()) play(others_[static_cast<std::size_t>(chance_.below(others_.size()))]);
        },
        [this](const shot& s) {
          auto& last = book_->last[{s.by, me_}];
          if (s.number <= last)
            book_->wrong = s.by + "'s message " + std::to_string(s.number) + " came to " + me_ + " after its " +
                           std::to_string(last);
          last = s.number;
        },
        [this](const order& o) {
          ++book_->requests[{o.by, o.number}].done;
          book_->judge({o.by, o.number});
          return me_;
        },
    };
  }

 private:
  void play(const caf::actor& whom) {
    if (watched_.insert(whom.address()).second) monitor(whom);
    send(whom, shot{me_, ++number_});
    const std::pair id{me_, ++number_};
    request(whom, 1s, order{id.first, id.second})
        .then([=, this](const std::string&) { told(id, troupe::outcome::done); },
              [=, this](const caf::error& why) {
                told(id, troupe::outcome_of(why));
                if (book_->calm) book_->wrong = id.first + "'s request in calm: " + troupe::sentence_of(why);
              });
  }
  void told(const std::pair<std::string, std::uint64_t>& id, troupe::outcome what) {
    book_->requests[id].told = what;
    book_->judge(id);
  }

  caf::actor receptionist_;
  std::shared_ptr<ledger> book_;
  const std::string me_;
  troupe::simulation::generator chance_;
  std::vector<caf::actor> others_;
  std::set<caf::actor_addr> watched_;
  std::uint64_t number_ = 0;
};

void play(simulation& sim, const plan& faults) {
  auto book = std::make_shared<ledger>();
  sim.start(faults.members, [book](troupe::local_node& n) {
    n.own(n.system().spawn<player>(n.name(), n.receptionist(), book));
  });
  sim.always("messages, requests and monitors are as promised", [book] { return book->wrong; });
  sim.run_until_up(faults.members, 20s);
  sim.begin(faults);
  sim.run_for(faults.length);
  if (sim.running() < faults.members || sim.broken()) return;
  if (!sim.run_until_up(faults.members, faults.calm)) return;  // membership's affair
  sim.run_for(15s);  // the receptionists' beacon, every 5 s, is lost once
  for (std::size_t i = 0; i < sim.size() && !sim.broken(); ++i) {
    const auto& name = sim[i].name();
    const auto seen = book->listed[name + std::to_string(book->lives[name])];
    if (seen != faults.members)
      sim.complain("in calm everybody is listed everywhere",
                   name + " has " + std::to_string(seen) + " of " + std::to_string(faults.members));
  }
  book->calm = true;
  sim.run_for(10s);
}
}  // namespace

TEST_CASE("links, simulated: what arrives, what errors say, what is found") {
  campaign_options how;
  how.seeds = troupe::test::seeds().size();
  how.length = 30s;
  how.calm = 90s;
  how.members = 4;
  how.how.node.configure = [](caf::actor_system_config& config) {
    config.add_message_type<shot>("play.shot").add_message_type<order>("play.order");
  };
  const auto found = campaign(how, play);
  CHECK_MESSAGE(!found, "after " << found.seeds << " seeds, " << found.story);
  MESSAGE(found.seeds << " seeds, " << found.steps << " steps");
}
