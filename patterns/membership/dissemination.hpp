// News on its way through the cluster: of whom there is news, and how often it was passed on.
// SWIM's infection-style dissemination (section 4.1): each piece of news is sent a bounded number
// of times, the least sent first; newer news of the same member takes its place.
#pragma once
#include "patterns/membership/member.hpp"

#include <set>
namespace troupe::membership {
class dissemination {
 public:
  void add(const member_id& about);
  void drop(const member_id& about);
  // Up to `count` members to tell of, each counted as sent once; `limit` times and it is no news.
  std::vector<member_id> pick(std::size_t count, unsigned limit);
  bool empty() const { return queue_.empty(); }
  std::size_t size() const { return queue_.size(); }

 private:
  struct entry {
    unsigned sent;
    std::uint64_t order;  // of the newest first among equally often sent
    member_id about;
    bool operator<(const entry& other) const {
      return std::tie(sent, other.order) < std::tie(other.sent, order);
    }
  };
  std::set<entry> queue_;
  std::map<member_id, std::pair<unsigned, std::uint64_t>> where_;
  std::uint64_t order_ = 0;
};

// lambda * log2(n + 1), rounded up.
unsigned transmissions(unsigned factor, std::size_t members);
}  // namespace troupe::membership
