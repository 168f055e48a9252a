// A file that processes of one machine ring to each other by: who hears it looks for himself what has changed.
//   Promises  a ring after something is done is heard by all that listened before it
//   Beware    it is a hint: a process that dies before it rings has not rung, and where the system has no watch of files left
//             nothing is heard. Look from time to time
//   Costs     a write of a byte that nobody syncs
#pragma once
#include <string>
namespace troupe::lock {
class bell {
 public:
  explicit bell(const std::string& path);
  ~bell();
  bell(const bell&) = delete;
  bell& operator=(const bell&) = delete;

  void ring() const;
  void silence() const;               // what was rung until now is heard
  int ear() const { return watch_; }  // readable: it was rung. Below 0: it cannot be heard

 private:
  int file_ = -1, watch_ = -1;
};
}  // namespace troupe::lock
