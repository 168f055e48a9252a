// The guard at a resource: who holds an outdated grant is refused, however late or long frozen.
// Source: M. Kleppmann, "How to do distributed locking", 2016; C. Gray, D. Cheriton, "Leases", SOSP
// 1989, for why time alone cannot do it.
//   fenced<file> log{open("log")};
//   auto done = log.use(token, [&](file& f) { return f.append(line); });
//   if (!done) explain(done.error());          // stale: done.error().highest was seen already
//   Promises  after a token was admitted, none below it is: effects happen in the order of grants
//   Assumes   tokens rise from grant to grant (a create_revision, a term, a generation); 0 is none
//   Beware    the highest token is part of the resource: store it with it and restore it with it,
//             or a restart lets an old holder in
//   Beware    two holders of one token are not told apart: a token is given once
//   Costs     one number a resource
#pragma once
#include "patterns/message.hpp"
#include "patterns/result.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
namespace troupe {
enum class fence_refusal : std::uint8_t {
  stale,               // a higher token was admitted before
  no_token,            // zero: nothing was ever granted under it
  too_many_resources,  // the fence's bound; what it remembers it never forgets by itself
};
TROUPE_ENUM(fence_refusal, stale, no_token, too_many_resources)
struct fence_refused {
  fence_refusal why = fence_refusal::stale;
  std::uint64_t token = 0;
  std::uint64_t highest = 0;  // admitted so far
};
TROUPE_MESSAGE(fence_refused, why, token, highest)

// For many resources by name: a gateway, a device server, a storage node.
class fence {
 public:
  using tokens = std::map<std::string, std::uint64_t, std::less<>>;
  explicit fence(std::size_t resources_max = 1'000'000) : resources_max_{resources_max} {}

  result<void, fence_refused> admit(std::string_view resource, std::uint64_t token) {
    const auto found = highest_.find(resource);
    const auto before = found == highest_.end() ? 0 : found->second;
    if (token == 0) return unexpected{fence_refused{fence_refusal::no_token, token, before}};
    if (token < before) return unexpected{fence_refused{fence_refusal::stale, token, before}};
    if (found != highest_.end()) {
      found->second = token;
    } else if (highest_.size() >= resources_max_) {
      return unexpected{fence_refused{fence_refusal::too_many_resources, token, 0}};
    } else {
      highest_.emplace(resource, token);
    }
    return {};
  }
  std::uint64_t highest(std::string_view resource) const {
    const auto found = highest_.find(resource);
    return found == highest_.end() ? 0 : found->second;
  }
  // The resource is gone for good, and nobody can hold a grant of it any more.
  void forget(std::string_view resource) {
    if (const auto found = highest_.find(resource); found != highest_.end()) highest_.erase(found);
  }

  const tokens& held() const { return highest_; }  // to be stored
  // Takes over what was stored; where more is known already, that stays.
  void restore(const tokens& stored) {
    for (const auto& [resource, token] : stored) {
      auto& mine = highest_[resource];
      mine = std::max(mine, token);
    }
  }

 private:
  std::size_t resources_max_;
  tokens highest_;
};

// One resource that nobody reaches without a token.
template <class Resource>
class fenced {
 public:
  explicit fenced(Resource resource, std::uint64_t highest = 0)
      : resource_{std::move(resource)}, highest_{highest} {}

  // f(resource), unless the token is outdated. The token counts as seen before f runs, so that an
  // f that throws lets no older holder in.
  template <class F>
  auto use(std::uint64_t token, F&& f)
      -> result<std::decay_t<std::invoke_result_t<F, Resource&>>, fence_refused> {
    if (token == 0) return unexpected{fence_refused{fence_refusal::no_token, token, highest_}};
    if (token < highest_) return unexpected{fence_refused{fence_refusal::stale, token, highest_}};
    highest_ = token;
    if constexpr (std::is_void_v<std::invoke_result_t<F, Resource&>>) {
      std::invoke(std::forward<F>(f), resource_);
      return {};
    } else {
      return std::invoke(std::forward<F>(f), resource_);
    }
  }
  const Resource& look() const { return resource_; }  // reading needs no grant
  std::uint64_t highest() const { return highest_; }  // store it with the resource

 private:
  Resource resource_;
  std::uint64_t highest_;
};
}  // namespace troupe
