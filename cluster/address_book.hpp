// Where members listen, by incarnation: remoting asks it from any thread when it meets a third node's handle.
#pragma once
#include "runtime/remoting/remoting.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>
namespace troupe {
class address_book {
 public:
  void put(const std::string& incarnation, remoting::endpoint where) {
    const std::lock_guard guard{mutex_};
    known_[incarnation] = std::move(where);
  }
  void erase(const std::string& incarnation) {
    const std::lock_guard guard{mutex_};
    known_.erase(incarnation);
  }
  std::optional<remoting::endpoint> find(const std::string& incarnation) const {
    const std::lock_guard guard{mutex_};
    const auto found = known_.find(incarnation);
    return found == known_.end() ? std::nullopt : std::optional{found->second};
  }
  std::vector<std::string> all() const {
    const std::lock_guard guard{mutex_};
    std::vector<std::string> addresses;
    for (const auto& [incarnation, where] : known_) addresses.push_back(to_string(where));
    return addresses;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, remoting::endpoint> known_;
};
}  // namespace troupe
