// A Redis server as the store of locks needs it: scripts are run, and what is published to one channel is heard. A thread of
// its own keeps two connections, since one that listens takes no other commands.
//   Promises  calls go out in their order, those that come together in one write; each is answered once: with what Redis said,
//             or with nothing, which means that it was done or not
//             a server of which nothing comes within `patience` is dropped and dialled again, with more time between tries up
//             to a second. Scripts that the server has lost are sent again
//             a server that refuses to serve at all (a password, an eviction policy) is asked again, and calls are answered
//             with its sentence meanwhile
//             `listening` comes after the channel is heard; what was published before is lost
//   Assumes   `tell` does not block
//   Beware    a name that is looked up blocks the link's thread, not its users
#pragma once
#include "actors/lock/redis_scripts.hpp"
#include "patterns/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::lock {
struct redis_address {
  std::string host{};
  std::uint16_t port = 6379;
  std::string user{}, password{};
  std::uint32_t database = 0;
  std::uint32_t replicas = 0;  // that have to know of a change before it is believed
};
// redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?replicas=N], or what is wrong with it.
result<redis_address, std::string> redis_address_of(std::string_view text);

struct redis_reply {
  enum class kind : std::uint8_t { nothing, number, text, list, problem };
  kind what = kind::nothing;
  std::int64_t number = 0;
  std::string text{};
  std::vector<redis_reply> items{};
};
// Not now, but perhaps soon: it is loading, or is not the primary yet.
bool passes(const std::string& problem);

struct redis_call {
  std::uint64_t number = 0;
  redis_script what{};
  std::vector<std::string> words{};
  bool promises = false;  // to be known to the replicas before it is answered
};
struct redis_result {
  std::uint64_t number = 0;
  std::optional<redis_reply> said{};  // nothing: done or not
};
struct redis_news {
  std::vector<redis_result> results{};
  std::vector<std::string> heard{};
  std::optional<bool> listening{};  // it has changed, before all of `heard`
};

struct redis_link_settings {
  redis_address at{};
  std::string inbox{};
  std::chrono::milliseconds patience{2'000};
};

class redis_link {
 public:
  redis_link(redis_link_settings settings, std::function<void(redis_news)> tell);
  redis_link(const redis_link&) = delete;
  redis_link& operator=(const redis_link&) = delete;
  ~redis_link();  // nothing is told any more

  void call(std::vector<redis_call> what);
  // Blocks until the server serves; else why it does not.
  std::optional<std::string> ready(std::chrono::milliseconds within);

 private:
  class state;
  std::shared_ptr<state> state_;
};
}  // namespace troupe::lock
