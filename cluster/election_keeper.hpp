// The actor behind cluster/elections.hpp: election_keeper.cpp follows the map and hosts electors, election_line.cpp lets
// contenders act and shows who leads.
#pragma once
#include "actors/election/elector_actor.hpp"
#include "cluster/elections.hpp"
#include "patterns/election/contenders.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/journal/journal.hpp"
#include "runtime/peers.hpp"

#include <map>
#include <optional>

#include <caf/event_based_actor.hpp>
namespace troupe {
struct beat_elections {};  // to itself

class election_keeper : public caf::event_based_actor {
 public:
  election_keeper(caf::actor_config& config, election_keeper_settings settings);
  caf::behavior make_behavior() override;
  const char* name() const override { return "election-keeper"; }
  void on_exit() override;

 private:
  using line = election::contenders;
  struct held {
    election_charter charter;
    std::uint64_t founded = 0;
    const election::algorithm* which = nullptr;
    bool votes = false, observes = false;  // this node
    caf::actor elector;
    election::believes own{};
    line contenders;
    std::map<line::number, caf::actor> entered;
    std::vector<caf::actor> followers;
  };
  struct peer {
    caf::actor keeper;
    std::map<std::string, election_row> rows;
  };
  struct early {  // for an election that is not known yet
    election_enter wish;
    caf::response_promise whom;
  };

  // election_keeper.cpp
  void read();
  void know(const std::string& election, const std::string& bytes, std::uint64_t founded);
  void begin(const std::string& election, std::uint64_t founded);
  void host(const std::string& election, const journal::store_ptr& store);
  void end(const std::string& election);
  void on_presence(election_presence& m);
  void lost(const std::string& node);
  peer& met(const std::string& node, const caf::actor& keeper);
  void present(const caf::actor& to, bool asks);
  election_seat own_seat(const held& e) const;

  // election_line.cpp
  caf::message_handler client_requests();
  caf::result<void> enter(election_enter& wish);
  std::optional<caf::error> enter_now(const election_enter& wish);
  void serve_early(const std::string& election);
  void gone(const caf::actor_addr& who);
  void withdraw(const std::string& election, const caf::actor& who);
  void drive(const std::string& election, held& e, const line::input& in);
  void changed(const std::string& election, held& e);
  void look_at_others(const std::string& election, held& e);
  void beat();
  void beat_later();
  election_view view_of(const std::string& election, const held& e) const;
  line::instant now();

  election_keeper_settings s_;
  std::map<std::string, held> elections_;
  std::map<std::string, peer> peers_;
  std::vector<early> early_;
  caf::actor watcher_;
  line::number numbers_ = 0;
  bool met_map_ = false, beating_ = false;
};
}  // namespace troupe
