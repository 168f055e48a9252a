// A coordinator with a queue: the lowest member that lives grants to one after another.
// Source: A. Tanenbaum, M. van Steen, "Distributed Systems", 6.3.2 (a centralized algorithm), with its remark that a
//   coordinator may deny at once instead of queueing.
// Beyond the book: the coordinator may fail. The next one draws an epoch and asks all that live who holds and who waits;
//   who answers takes no grant of an earlier epoch any more (as acceptors do, L. Lamport, "The Part-Time Parliament").
//   Promises  first come, first served at the coordinator; over its failover, requests in the order of the numbers their
//             senders had seen when they asked: what one knew to be before its own stays before it
//             nothing is granted before all that live have answered, so that none holds unseen
//             a request is granted once however often it arrives; a release by one that does not hold frees nothing
//             the holder's death frees it
//   Under     lost, repeated, reordered messages; crashes
//   Assumes   mutex.hpp
//   Beware    a grant takes a write to disk at the coordinator: its number must never come again
//   Costs     3 messages an entry, 0 for the coordinator; a failover 2(n-1); while somebody waits, 2 each `retry` to hear
//             whether the holder still is one
//   coordinator | request            | release      | who, higher epoch | lost              | back
//   gathering   | queued             | noted        | no coordinator    | not asked any more | asked
//   settled     | queued, or granted | next granted | no coordinator    | freed, next granted | asked, gathering
#pragma once
#include "patterns/mutex/mutex.hpp"
namespace troupe::mutex {
class centralised final : public member {
 public:
  explicit centralised(const place& where);
  std::unique_ptr<member> copy() const override { return std::make_unique<centralised>(*this); }
  instant due() const override;
  bool leads() const { return leads_; }

 private:
  enum class state : std::uint8_t { none, waiting, holding, done };
  struct client {  // a member as the coordinator knows it
    request last{};
    state as = state::none;
    std::uint64_t fence = 0;
    bool asked = false;  // and has not answered yet
  };
  void on_acquire(instant now, output& out) override;
  void on_release(bool was_inside, instant now, output& out) override;
  void on_message(server from, const body& what, instant now, output& out) override;
  void on_tick(instant now, output& out) override;
  void on_lost(server peer, instant now, output& out) override;
  void on_back(server peer, instant now, output& out) override;
  std::string inner() const override;

  void on(server from, const request& m, instant now, output& out);
  void on(server from, const grant& m, instant now, output& out);
  void on(server from, const released& m, instant now, output& out);
  void on(server from, const denied& m, instant now, output& out);
  void on(server from, const withdrawn& m, instant now, output& out);
  void on(server from, const who& m, instant now, output& out);
  void on(server from, const status& m, instant now, output& out);
  template <class Other>
  void on(server, const Other&, instant, output&) {}  // another algorithm's

  request mine() const { return {number_, time_, above_}; }
  status status_now(std::uint64_t asked) const {
    return {asked, epoch_, phase_, mine(), fence(), seen_};
  }
  void begin(instant now, output& out);
  void stop();
  void question(server s, output& out);
  bool gathering() const;
  void note(server s, const request& last, state as, std::uint64_t fence, output& out);
  void holds(server s, output& out);
  void withdraw(server s, output& out);
  void leave(server s);
  void settle(output& out);
  void hand(server s, output& out);

  std::uint64_t epoch_ = 0;  // the highest that was heard of
  std::uint64_t time_ = 0;   // of the last request
  instant again_{};
  // of a coordinator
  bool leads_ = false, sorted_ = false;
  std::vector<client> clients_;
  std::vector<server> queue_;
  std::optional<server> holder_{};
  std::uint64_t last_ = 0;  // the highest fence that was held
};
}  // namespace troupe::mutex
