// One connection to a Redis server: dialled, greeted, written to and read from without blocking, dropped.
#pragma once
#include "actors/lock/redis_link.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <hiredis/hiredis.h>
namespace troupe::lock {
redis_reply taken_from(const redisReply& given);
// "10.0.0.7:6379"
std::string name_of(const redis_address& at);

class redis_wire {
 public:
  using clock = std::chrono::steady_clock;
  enum class stage : std::uint8_t { down, dialling, greeting, up };

  stage at() const { return at_; }
  clock::time_point since() const { return since_; }  // in this stage
  clock::time_point due() const { return due_; }      // to be dialled again, while it is down
  int handle() const { return context_ ? context_->fd : -1; }
  short wanted() const;  // of poll

  void dial(const redis_address& to);  // may look up a name
  bool dialled();                      // it can be written to: is it connected?
  void greeted() { enter(stage::up), pause_ = {}; }
  void drop();

  void put(const std::vector<std::string>& words);
  bool write();                                    // false: it is broken
  bool read(std::vector<redis_reply>& into);       // false: it is broken
  const std::string& why() const { return why_; }  // it is

 private:
  struct ends {
    void operator()(redisContext* c) const { redisFree(c); }
  };
  void enter(stage what);
  bool broken(const std::string& why);

  std::unique_ptr<redisContext, ends> context_{};
  stage at_ = stage::down;
  clock::time_point since_{}, due_{};
  clock::duration pause_{};
  bool unwritten_ = false;
  std::string why_{};
};
}  // namespace troupe::lock
