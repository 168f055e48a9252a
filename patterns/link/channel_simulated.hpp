// Channels between the simulator's members: each sends to the next one, transfer after transfer, and
// what channel.hpp promises is asked after each step.
//   const auto did = channel::rehearse(plan, {});
//   Peers     are attached while they are heard of, detached when not for a second. The seed decides
//             what a restart is to the peer, the same channel under a new start or a death that is
//             told; whether sessions end by themselves, and whether bits change on their way
//   Promises  `claims` below, while faults last and after them
#pragma once
#include "patterns/link/channel.hpp"
#include "patterns/simulation/judged.hpp"
#include "patterns/simulation/protocol.hpp"
#include "patterns/simulation/world.hpp"

#include <array>
#include <map>
#include <memory>
namespace troupe::channel {
using simulation::member;
using time = simulation::instant;

namespace claim {
inline constexpr std::string_view in_order = "every byte in order and exactly once",
                                  whole = "the end comes after all bytes",
                                  bounded = "no side holds more than its bound",
                                  told_once = "a side is told once how it ended",
                                  done = "done is never a mistake",
                                  honest = "nobody honest is accused",
                                  caused = "no transfer fails in calm",
                                  lean = "where nothing is lost nothing is sent twice",
                                  prompt = "what is missing after a session's end leaves at once",
                                  asked = "a sender that waits for long asks";
inline constexpr std::array all{in_order, whole,  bounded, told_once, done,
                                honest,   caused, lean,    prompt,    asked};
}  // namespace claim

// One channel, seen from above.
struct transfer {
  struct draft {  // what one start of the sender has written
    std::string text{};
    bool finished = false;
  };
  struct copy {  // what one start of the receiver has read
    std::string text{};
    bool ended = false, broken = false, gone = false;
  };
  std::map<id, draft> drafts{};
  std::map<id, copy> copies{};
  time since{};
  bool over = false;  // at the sender
};
struct channel_scene : simulation::judged {
  settings how{};
  std::size_t write_max = 100, total = 0;
  bool deaths_told = false;
  bool restless = false;    // sessions end and come again by themselves
  bool faultless = false;   // and messages in order
  std::uint32_t flips = 0;  // chunks of a million
  time until{}, faults_until{};
  std::uint64_t transfers_begun = 0;
  std::map<id, transfer> transfers{};
  std::map<member, id> current{};  // of each sender, beyond its process
};

class channel_host {
 public:
  struct alive {
    std::uint32_t life = 0;
  };
  using to_sender = std::variant<credit, failed>;
  using to_receiver = std::variant<chunk, closed, failed>;
  using message = std::variant<alive, to_sender, to_receiver>;
  using command = std::monostate;
  struct event {
    std::string what{};
    id channel = 0;
    std::string why{};
  };
  using output = simulation::effects<message, event>;
  channel_host(const simulation::life& of, std::shared_ptr<channel_scene> all,
               std::uint32_t members);
  void receive(member from, message m, time now, output& out);
  void command_given(const command&, time, output&) {}
  void tick(time now, output& out);
  void lost(member peer, std::uint32_t its_life, time now, output& out);
  time due() const { return next_; }
  static void describe(const event& e, std::string& fields);

 private:
  struct neighbour {
    member who = 0;
    std::uint32_t life = 0;
    bool near = false;
    time heard{};
  };
  struct sink {
    receiver core;
    id start = 0;
    std::size_t unread = 0;
    bool released = false;
    time idle_since{};
  };
  void heard_of(member who, std::uint32_t life, time now, output& out);
  void begin(time now, output& out);
  void write_some(time now, output& out);
  template <class In>
  void give(In&& in, time now, output& out);
  template <class In>
  void take(id channel, sink& s, In&& in, time now, output& out);
  void arrive(chunk in, time now, output& out);
  void give_all(time now, output& out, bool near, bool died);
  void take_all(time now, output& out, bool near, bool died);
  void check_sender(const sender::output& did);
  void check_sent(const sender::output& did, bool met, time now);
  void check_receiver(id channel, const sink& s, const receiver::output& did);
  bool calm(const transfer& t) const;

  std::uint32_t life_;
  simulation::generator chance_;
  std::shared_ptr<channel_scene> scene_;
  neighbour next_one_{}, previous_{};
  id starts_;
  std::optional<sender> sender_{};
  id channel_ = 0, start_ = 0;  // of the sender
  bool told_ = false;
  std::uint64_t highest_ = 0, acknowledged_ = 0;
  bool has_asked_ = false;  // since it has moved
  time moved_{}, ticked_{};
  time begin_at_{};
  std::map<id, sink> sinks_{};
  id last_channel_ = 0;  // that came in
  time next_{}, alive_at_{}, tick_at_{};
};

simulation::run_outcome rehearse(const simulation::plan& p, const simulation::settings& how);
}  // namespace troupe::channel
