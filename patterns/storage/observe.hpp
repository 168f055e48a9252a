// Who leads an election (campaign.hpp), as seen by anybody.
// Source: etcd v3, client/v3/concurrency/election.go, Observe.
//   Promises  leaders are told in the order of their tokens; the last one told is the leader, or was
//             until a moment ago: the news travels
//   Beware    leaders that came and went while a watch was broken are skipped
//   Costs     one read, and one watch on the leader's key (on all of the election's without a leader)
//   state    | answered           | watched
//   looking  | told, watching     |
//   watching |                    | another value: told; gone, or the first to come: looking
#pragma once
#include "patterns/storage/campaign.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>
namespace troupe::election {
struct leader {
  std::string name{};
  std::string value{};
  std::uint64_t token = 0;
};
TROUPE_MESSAGE(leader, name, value, token)
struct vacant {};
TROUPE_MESSAGE(vacant)
struct observation {
  std::vector<std::variant<leader, vacant>> told{};
  std::vector<request> send{};
  std::optional<watching> watch{};
};

class observer {
 public:
  using input = std::variant<answered, unanswered, watched, watch_broken, tick>;
  explicit observer(std::string election, storage::duration retry = storage::duration{200});
  void step(const input& in, storage::instant now, observation& out);  // begins with a tick
  std::optional<storage::instant> due() const { return again_; }
  const std::optional<leader>& now_leading() const { return leader_; }

 private:
  void on(const answered& x, storage::instant now, observation& out);
  void on(const unanswered& x, storage::instant now, observation& out);
  void on(const watched& x, storage::instant now, observation& out);
  void on(const watch_broken& x, storage::instant now, observation& out);
  void on(const tick& x, storage::instant now, observation& out);
  void look(observation& out);
  void tell(std::optional<leader> who, observation& out);

  std::string election_;
  storage::duration retry_;
  std::uint64_t last_id_ = 0;
  std::uint64_t awaited_ = 0;
  std::optional<storage::instant> again_{storage::instant{}};
  std::string key_{};  // the leader's
  std::optional<leader> leader_{};
  bool told_ = false;
};
}  // namespace troupe::election
