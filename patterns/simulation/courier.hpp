// What a link session gives to those who stand on it, for cores that assume one: items in order and
// exactly once while the session lasts, over a network that loses, repeats and reorders.
// Source: go-back-N with cumulative acknowledgements (A. Tanenbaum, "Computer Networks", 3.4.2).
//   Promises  nothing of another session is delivered; what was not delivered when a session ends is
//             lost
//   Assumes   both ends open the same sessions, with numbers that rise; write() after each input,
//             and at due()
//   Beware    no window: for simulations, where queues are short
#pragma once
#include "patterns/simulation/random.hpp"

#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>
namespace troupe::simulation {
template <class Item>
struct parcel {
  std::uint64_t session = 0;
  std::uint64_t number = 0;    // from 1; 0: an acknowledgement alone
  std::uint64_t received = 0;  // all up to here
  std::shared_ptr<const Item> what{};
};

template <class Item>
class courier {
 public:
  void open(std::uint64_t session) {
    *this = {};
    session_ = session;
  }
  std::uint64_t session() const { return session_; }
  void post(Item what) { kept_.push_back(std::make_shared<const Item>(std::move(what))); }
  std::vector<Item> receive(parcel<Item> p) {
    std::vector<Item> all;
    if (session_ == 0 || p.session != session_) return all;
    for (; acknowledged_ < p.received && !kept_.empty(); ++acknowledged_) {
      kept_.pop_front();
      if (sent_ > 0) --sent_;
    }
    if (p.number == 0) return all;
    owing_ = true;
    if (p.number > received_) early_.emplace(p.number, std::move(p.what));
    for (auto next = early_.begin(); next != early_.end() && next->first == received_ + 1;
         next = early_.erase(next), ++received_) {
      all.push_back(*next->second);
    }
    return all;
  }
  template <class Send>
  void write(instant now, Send&& send) {
    if (session_ == 0) return;
    if (sent_ > 0 && now >= tried_ + again) sent_ = 0;
    for (; sent_ < kept_.size(); ++sent_) {
      send(parcel<Item>{session_, acknowledged_ + sent_ + 1, received_, kept_[sent_]});
      tried_ = now;
      owing_ = false;
    }
    if (std::exchange(owing_, false)) send(parcel<Item>{session_, 0, received_, {}});
  }
  instant due() const { return kept_.empty() ? instant::max() : tried_ + again; }

 private:
  static constexpr duration again = std::chrono::milliseconds{250};
  std::uint64_t session_ = 0;
  std::deque<std::shared_ptr<const Item>> kept_{};  // not acknowledged
  std::size_t sent_ = 0;     // of them
  std::uint64_t acknowledged_ = 0, received_ = 0;
  std::map<std::uint64_t, std::shared_ptr<const Item>> early_{};
  instant tried_{};
  bool owing_ = false;  // an acknowledgement
};
}  // namespace troupe::simulation
