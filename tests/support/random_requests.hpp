// Requests and questions for the coordination tree, drawn so that they meet: few names, few
// sessions, some that are refused.
#pragma once
#include "patterns/simulation/random.hpp"
#include "patterns/tree/messages.hpp"

#include <string>
#include <utility>
#include <vector>
namespace troupe::test {
class random_requests {
 public:
  explicit random_requests(std::uint64_t seed) : chance_{seed} {}
  std::uint64_t below(std::uint64_t n) { return chance_.below(n); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  // One that is there, one that could be, or nonsense.
  std::string path(const std::vector<std::string>& there) {
    static const std::vector<std::string> names{"a", "b", "a-b", "a0", "c", "lock-"};
    static const std::vector<std::string> nonsense{
        "",      "a",      "/a/",   "//",         "/./a",
        "/a/..", "/a\x01", "/a//b", "/a/b/a/b/a", "/" + std::string(40, 'n')};
    if (one_in(30)) return chance_.one_of(nonsense);
    const auto base = there.empty() ? std::string{"/"} : chance_.one_of(there);
    if (one_in(2)) return base;
    return (base == "/" ? "" : base) + "/" + chance_.one_of(names);
  }
  std::string data() {
    return one_in(30) ? std::string(33, 'v')
                      : std::string(below(5), static_cast<char>('a' + below(3)));
  }
  std::optional<std::uint64_t> version() {
    if (one_in(2)) return {};
    return below(3);
  }
  tree::create create(const std::vector<std::string>& there) {
    auto at = path(there);
    const auto as = static_cast<tree::mode>(below(5));
    if (one_in(8) && at != "/") at += "/";
    return {std::move(at), data(), as};
  }
  tree::operation operation(const std::vector<std::string>& there) {
    switch (below(7)) {
      case 0:
      case 1:
        return tree::erase{path(there), version()};
      case 2:
      case 3:
        return tree::set{path(there), data(), version()};
      case 4:
        return tree::check{path(there), version()};
      default:
        return create(there);
    }
  }
  tree::multi multi(const std::vector<std::string>& there) {
    tree::multi m;
    for (auto n = below(one_in(20) ? 10 : 5); n > 0; --n) m.operations.push_back(operation(there));
    return m;
  }
  static std::string secret_of(std::uint64_t index) {
    return "secret" + std::to_string(index % 3) + std::string(10, '.');
  }
  tree::session_id session() {
    if (sessions_.empty() || one_in(4)) return one_in(8) ? below(300) : 0;
    return chance_.one_of(sessions_);
  }
  tree::request request(const std::vector<std::string>& there, std::uint64_t index) {
    tree::request r;
    r.time = tree::instant{static_cast<tree::instant::rep>(10 * index + below(40))};
    r.session = session();
    r.secret = secret_of(one_in(40) ? r.session + 1 : r.session);
    switch (below(24)) {
      case 0:
      case 1:
        r.session = 0;
        r.what = tree::open_session{tree::duration{static_cast<std::int64_t>(below(100'000))},
                                    one_in(20) ? "short" : secret_of(index)};
        sessions_.push_back(index);
        if (sessions_.size() > 5) sessions_.erase(sessions_.begin());
        break;
      case 2:
        r.what = tree::close_session{};
        break;
      case 3:
        r.session = 0;
        r.what = tree::expire_session{session(), below(3)};
        break;
      case 4:
        r.session = 0;
        r.what = tree::reap_container{path(there)};
        break;
      case 5:
        r.what = tree::sync{};
        break;
      case 6:
      case 7:
      case 8:
      case 9:
        r.what = multi(there);
        break;
      default:
        std::visit([&](auto x) { r.what = std::move(x); }, operation(there));
    }
    return r;
  }
  tree::question question(const std::vector<std::string>& there) {
    switch (below(8)) {
      case 0:
        return tree::get{path(there)};
      case 1:
        return tree::exists{path(there)};
      case 2: {
        const auto id = session();
        return tree::session_info{id, secret_of(one_in(8) ? id + 1 : id)};
      }
      case 3:
        return tree::ephemerals{session()};
      case 4:
        return tree::reapable{};
      case 5:
        return tree::status{};
      default:
        return tree::children{path(there), one_in(3) ? "a" : one_in(3) ? "b" : "", below(4)};
    }
  }

 private:
  simulation::generator chance_;
  std::vector<tree::session_id> sessions_;
};
}  // namespace troupe::test
