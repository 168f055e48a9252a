// A few hosts (host.hpp) for every_order: any message under way may arrive next, any timer may go off, any member may
// crash, as long as there are some of each to come.
//   small_world<bully_host> w{{.members = 3, .deliveries = 8, .ticks = 4, .crashes = 1}, make, claims};
//   w.command(0, start{});
//   CHECK(every_order(w, 1'000'000).broken == "");
//   Assumes   a host is copyable; `std::string digest() const` says all that it is, `static std::string digest(const
//             message&)` and `describe` (host.hpp) all that messages and events are
//             it needs no seed and no disk of its own: what it persists is safe at once
//   Promises  time is no guard: a timer may go off before a message that was sent long before it arrives. Messages between
//             two members may overtake each other, none is lost except with `losses`
#pragma once
#include "patterns/simulation/every_order.hpp"
#include "patterns/simulation/host.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>
namespace troupe::simulation {
struct small_bounds {
  std::uint32_t members = 3;
  std::uint32_t deliveries = 8;
  std::uint32_t ticks = 4;
  std::uint32_t crashes = 1;
  std::uint32_t losses = 0;
  bool told_of_crashes = true;  // the others may be, each at any later moment
};

template <class Host>
class small_world {
 public:
  using message = typename Host::message;
  using maker = std::function<Host(member)>;
  using claims = std::function<std::string(const small_world&)>;  // empty: all hold
  struct under_way {
    member from = 0, to = 0;
    message what{};
  };

  small_world(small_bounds bounds, const maker& make, claims holds)
      : left_{bounds}, holds_{std::move(holds)} {
    for (member m = 0; m < bounds.members; ++m) {
      hosts_.emplace_back(make(m));
      events_.emplace_back();
    }
    alive_.assign(bounds.members, true);
  }
  void command(member whom, const typename Host::command& what) {
    effects_of<Host> out;
    at(whom).command_given(what, now_, out);
    obey(whom, out);
  }

  std::uint32_t size() const { return static_cast<std::uint32_t>(hosts_.size()); }
  const Host& host(member m) const { return hosts_[m]; }
  bool alive(member m) const { return alive_[m]; }
  const std::vector<typename Host::event>& events(member m) const { return events_[m]; }
  instant now() const { return now_; }

  // ---- for every_order
  std::size_t choices() const { return possible().size(); }
  void take(std::size_t i) {
    const auto c = possible()[i];
    effects_of<Host> out;
    switch (c.what) {
      case kind::deliver: {
        auto m = std::move(wire_[c.which]);
        wire_.erase(wire_.begin() + static_cast<std::ptrdiff_t>(c.which));
        --left_.deliveries;
        at(m.to).receive(m.from, std::move(m.what), now_, out);
        return obey(m.to, out);
      }
      case kind::lose:
        --left_.losses;
        wire_.erase(wire_.begin() + static_cast<std::ptrdiff_t>(c.which));
        return;
      case kind::tick: {
        --left_.ticks;
        const auto m = static_cast<member>(c.which);
        now_ = std::max(now_, at(m).due());
        at(m).tick(now_, out);
        return obey(m, out);
      }
      case kind::crash: {
        --left_.crashes;
        const auto m = static_cast<member>(c.which);
        alive_[m] = false;
        const auto gone = [&](const under_way& w) { return w.to == m; };
        wire_.erase(std::remove_if(wire_.begin(), wire_.end(), gone), wire_.end());
        for (member other = 0; left_.told_of_crashes && other < size(); ++other)
          if (alive(other)) news_.push_back({m, other, {}});
        return;
      }
      case kind::tell: {
        const auto news = news_[c.which];
        news_.erase(news_.begin() + static_cast<std::ptrdiff_t>(c.which));
        if constexpr (requires { at(news.to).lost(news.from, 1U, now_, out); })
          at(news.to).lost(news.from, 1, now_, out);
        return obey(news.to, out);
      }
    }
  }
  std::string broken() const { return holds_(*this); }
  std::string state() const {
    std::string all = std::to_string(left_.deliveries) + ' ' + std::to_string(left_.ticks) + ' ' +
                      std::to_string(left_.crashes) + ' ' + std::to_string(left_.losses) + ' ' +
                      std::to_string(now_.count());
    for (member m = 0; m < size(); ++m) {
      all += alive(m) ? '+' : '-';
      all += host(m).digest();
      for (const auto& e : events(m)) all += ';' + text_of(e);
    }
    std::multiset<std::string> moving;  // the order in which they were sent means nothing
    for (const auto& w : wire_) moving.insert(text_of(w));
    for (const auto& n : news_) moving.insert("n" + std::to_string(n.from) + std::to_string(n.to));
    for (const auto& w : moving) all += '|' + w;
    return all;
  }

 private:
  enum class kind { deliver, lose, tick, crash, tell };
  struct choice {
    kind what;
    std::size_t which;
  };
  Host& at(member m) { return hosts_[m]; }
  std::vector<choice> possible() const {
    std::vector<choice> all;
    for (std::size_t i = 0; i < wire_.size(); ++i) {
      if (left_.deliveries > 0) all.push_back({kind::deliver, i});
      if (left_.losses > 0) all.push_back({kind::lose, i});
    }
    for (std::size_t i = 0; i < news_.size(); ++i)
      if (alive(news_[i].to)) all.push_back({kind::tell, i});
    for (member m = 0; m < size(); ++m) {
      if (!alive(m)) continue;
      if (left_.ticks > 0 && host(m).due() != instant::max()) all.push_back({kind::tick, m});
      if (left_.crashes > 0) all.push_back({kind::crash, m});
    }
    return all;
  }
  void obey(member by, effects_of<Host>& out) {
    for (auto* letters : {&out.send_now, &out.send})
      for (auto& l : *letters)
        if (l.to < size() && alive(l.to)) wire_.push_back({by, l.to, std::move(l.what)});
    for (auto& e : out.events) events_[by].push_back(std::move(e));
  }
  static std::string text_of(const under_way& w) {
    return std::to_string(w.from) + '>' + std::to_string(w.to) + Host::digest(w.what);
  }
  static std::string text_of(const typename Host::event& e) {
    std::string fields;
    Host::describe(e, fields);
    return fields;
  }

  small_bounds left_;
  claims holds_;
  std::vector<Host> hosts_;
  std::vector<bool> alive_;
  std::vector<std::vector<typename Host::event>> events_;
  std::vector<under_way> wire_;
  std::vector<under_way> news_;  // `from` has crashed, and `to` may be told
  instant now_{};
};
}  // namespace troupe::simulation
