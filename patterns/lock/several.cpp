#include "patterns/lock/several.hpp"

#include "patterns/lock/kinds.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
namespace troupe::lock {
result<std::vector<want>, std::string> in_order(std::vector<want> all) {
  if (all.empty()) return unexpected{std::string{"name the locks that are to be taken"}};
  std::sort(all.begin(), all.end(), [](const want& a, const want& b) { return a.lock < b.lock; });
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (auto wrong = lock_name_problem(all[i].lock)) return unexpected{std::move(*wrong)};
    if (i > 0 && all[i].lock == all[i - 1].lock)
      return unexpected{"'" + all[i].lock + "' is wanted twice: it would wait for itself"};
  }
  return all;
}

several::several(std::size_t count, duration wait, instant now)
    : count_{count},
      until_{wait > instant::max() - now ? instant::max() : now + wait},
      tries_{wait <= duration{0}} {}

void several::begin(instant now, several_output& out) { next(now, out); }

void several::next(instant now, several_output& out) {
  if (fences_.size() == count_) {
    at_ = stage::held;
    out.all = true;
    return;
  }
  awaits_ = true;
  const auto left = until_ == instant::max() ? for_ever : std::max(until_ - now, duration{1});
  out.take = {fences_.size(), tries_ ? duration{0} : left};
}

void several::taken(std::uint64_t fence, instant now, several_output& out) {
  if (!std::exchange(awaits_, false)) return;
  if (at_ == stage::giving) {  // it came before it could be given up
    out.put_back.push_back(fences_.size());
    return;
  }
  fences_.push_back(fence);
  next(now, out);
}

void several::refused(decline why, std::string sentence, several_output& out) {
  if (!std::exchange(awaits_, false)) return;
  if (at_ != stage::giving) return give_back({0, why, std::move(sentence)}, out);
  --going_;
  settle(out);
}

void several::lost(std::size_t which, std::string why, several_output& out) {
  if (which >= fences_.size() || at_ == stage::giving || at_ == stage::over) return;
  give_back({0, decline::refused, std::move(why)}, out, which);
}

void several::give_up(several_output& out) {
  if (at_ == stage::taking || at_ == stage::held)
    give_back({0, decline::released, "it was given up"}, out);
}

void several::put_back(std::size_t, several_output& out) {
  if (at_ != stage::giving || going_ == 0) return;
  --going_;
  settle(out);
}

void several::give_back(declined why, several_output& out, std::optional<std::size_t> but) {
  if (at_ == stage::taking) why_ = std::move(why);  // who holds them all is told in another way
  at_ = stage::giving;
  for (auto i = fences_.size(); i-- > 0;)
    if (i != but) out.put_back.push_back(i);
  if (awaits_) out.give_up.push_back(fences_.size());
  going_ = out.put_back.size() + out.give_up.size();
  settle(out);
}

void several::settle(several_output& out) {
  if (going_ > 0) return;
  at_ = stage::over;
  out.failed = std::exchange(why_, {});
  out.over = true;
}
}  // namespace troupe::lock
