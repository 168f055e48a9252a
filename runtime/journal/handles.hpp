// Which handle of a group is the present one, and what its journal will hold once all that was submitted is done: the
// bookkeeping that the stores share. Under the store's lock.
#pragma once
#include "runtime/journal/extent.hpp"

#include <cassert>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
namespace troupe::journal {
class handles {
 protected:
  std::uint64_t take(const std::string& group) {
    known_[group] = {++serials_, {}};
    return serials_;
  }
  result<void, failure> loaded(const std::string& group, std::uint64_t serial,
                               const content& found) {
    auto& k = known_[group];
    if (k.serial != serial) return unexpected{taken_over(group)};
    const auto whole = extent_of(found, group);
    if (!whole) return unexpected{whole.error()};
    k.upto = *whole;
    return {};
  }
  // The batch fits, and will be done: what the journal holds with it.
  result<extent, failure> accept(const std::string& group, std::uint64_t serial,
                                 const batch& what) {
    auto& k = known_[group];
    if (k.serial != serial) return unexpected{taken_over(group)};
    assert(k.upto);  // `load` comes first
    auto next = k.upto->after(what);
    if (next) k.upto = *next;
    return next;
  }

 private:
  struct known {
    std::uint64_t serial = 0;
    std::optional<extent> upto{};  // none: not loaded yet
  };
  static failure taken_over(const std::string& group) {
    return {cause::closed, "the journal of group '" + group + "' was opened anew"};
  }
  std::map<std::string, known> known_;
  std::uint64_t serials_ = 0;
};
}  // namespace troupe::journal
