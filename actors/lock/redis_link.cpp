#include "actors/lock/redis_link.hpp"

#include "actors/lock/redis_wire.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
namespace troupe::lock {
namespace {
using clock = redis_wire::clock;
using stage = redis_wire::stage;
using kind = redis_reply::kind;
constexpr std::size_t waiting_max = 100'000;
constexpr std::chrono::milliseconds goodbye{200};
}  // namespace

class redis_link::state {
 public:
  state(redis_link_settings settings, std::function<void(redis_news)> tell)
      : s_{std::move(settings)},
        tell_{std::move(tell)},
        bell_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
    if (bell_ < 0) throw std::runtime_error{"no handle for an event is left"};
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { ::close(bell_); }

  void call(std::vector<redis_call> what) {
    const std::lock_guard lock{mutex_};
    const auto until = clock::now() + s_.patience;
    for (auto& one : what)
      if (work_.at() == stage::up)
        put({entry::call, 0, std::move(one), until});
      else if (waiting_.size() < waiting_max)
        waiting_.push_back({entry::call, 0, std::move(one), until});
      else
        news_.results.push_back({one.number, std::nullopt});
    if (work_.at() != stage::up) return ring();
    broken_ = broken_ || !work_.write();
    if (broken_ || (work_.wanted() & POLLOUT) != 0) ring();
  }

  std::optional<std::string> ready(std::chrono::milliseconds within) {
    std::unique_lock lock{mutex_};
    const auto serves = [&] { return work_.at() == stage::up && ear_.at() == stage::up; };
    changed_.wait_for(lock, within, [&] { return serves() || !refusal_.empty(); });
    if (serves()) return std::nullopt;
    if (!refusal_.empty()) return refusal_;
    const auto why = work_.why().empty() ? "" : " (" + work_.why() + ")";
    return "the Redis server at " + name_of(s_.at) + " does not answer" + why +
           ": is it running, and is this its address?";
  }

  void run() {
    std::unique_lock lock{mutex_};
    while (!stopped_) {
      dial(work_, lock);
      dial(ear_, lock);
      expire();
      auto told = std::exchange(news_, {});
      if (!told.results.empty() || !told.heard.empty() || told.listening) {
        lock.unlock();
        give(std::move(told));
        lock.lock();
        continue;
      }
      std::array<pollfd, 3> all{{{bell_, POLLIN, 0},
                                 {work_.handle(), work_.wanted(), 0},
                                 {ear_.handle(), ear_.wanted(), 0}}};
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next() - clock::now());
      lock.unlock();
      ::poll(all.data(), all.size(), static_cast<int>(std::max<std::int64_t>(0, wait.count())));
      std::uint64_t rung = 0;
      if ((all[0].revents & POLLIN) != 0) (void)!::read(bell_, &rung, sizeof rung);
      lock.lock();
      serve(work_, all[1].revents);
      serve(ear_, all[2].revents);
    }
    lost_ = true;
    lose("it was closed");
    ear_.drop();
    ended_ = true;
    changed_.notify_all();
  }
  void stop() {
    {
      const std::lock_guard lock{gate_};
      tell_ = nullptr;
    }
    std::unique_lock lock{mutex_};
    stopped_ = true;
    ring();
    changed_.wait_for(lock, goodbye, [&] { return ended_; });  // a name may be looked up just now
  }

 private:
  enum class entry : std::uint8_t { password, database, memory, text, begin, call, replicas };
  struct expected {  // an answer
    entry what{};
    std::size_t which = 0;  // of the scripts
    redis_call call{};
    clock::time_point until{};
  };

  void ring() {
    const std::uint64_t one = 1;
    (void)!::write(bell_, &one, sizeof one);
  }
  void give(redis_news what) {
    const std::lock_guard lock{gate_};
    if (tell_) tell_(std::move(what));
  }
  clock::time_point next() const {
    auto first = clock::now() + s_.patience;
    for (const auto* w : {&work_, &ear_})
      first = std::min(first, w->at() == stage::down ? w->due()
                              : w->at() == stage::up ? first
                                                     : w->since() + s_.patience);
    if (!expected_.empty()) first = std::min(first, silent_until());
    if (!waiting_.empty()) first = std::min(first, waiting_.front().until);
    return ear_.at() == stage::up ? std::min(first, ear_due()) : first;
  }
  // Who answers at all may take its time for many.
  clock::time_point silent_until() const {
    return std::max(expected_.front().until, spoke_ + s_.patience);
  }
  clock::time_point ear_due() const {  // to be asked whether it hears, or given up
    return asked_ + (asked_ > heard_ ? s_.patience : s_.patience / 2);
  }

  // ---- connections
  void dial(redis_wire& w, std::unique_lock<std::mutex>& lock) {
    if (w.at() != stage::down || clock::now() < w.due()) return;
    lock.unlock();  // nobody else touches it while it is down
    w.dial(s_.at);
    lock.lock();
    if (w.at() == stage::down) failed(w);
  }
  void serve(redis_wire& w, short ready) {
    if (&w == &work_ && std::exchange(broken_, false)) return failed(w);
    if (ready == 0 || w.at() == stage::down) return;
    if (w.at() == stage::dialling) {
      if (!w.dialled()) return failed(w);
      return &w == &work_ ? greet() : subscribe();
    }
    if ((ready & POLLOUT) != 0 && !w.write()) return failed(w);
    if ((ready & ~POLLOUT) == 0) return;
    std::vector<redis_reply> said;
    const bool more = w.read(said);
    for (auto& r : said) {
      if (w.at() == stage::down) return;  // one of them said enough
      if (&w == &work_)
        heed(std::move(r));
      else
        hear(r);
    }
    if (w.at() == stage::down) return;
    if (!more || !w.write()) failed(w);
  }
  void expire() {
    const auto now = clock::now();
    for (auto* w : {&work_, &ear_}) {
      const bool late = w->at() == stage::dialling || w->at() == stage::greeting;
      if (late && now >= w->since() + s_.patience) failed(*w, "no answer in time");
    }
    if (work_.at() == stage::up && !expected_.empty() && now >= silent_until())
      failed(work_, "no answer in time");
    while (!waiting_.empty() && (now >= waiting_.front().until || !refusal_.empty())) {
      redis_result none{waiting_.front().call.number, std::nullopt};
      if (!refusal_.empty()) none.said = redis_reply{.what = kind::problem, .text = refusal_};
      news_.results.push_back(std::move(none));
      waiting_.pop_front();
    }
    if (ear_.at() != stage::up || now < ear_due()) return;
    if (asked_ > heard_) return failed(ear_, "it fell silent");
    ear_.put({"PING"});
    asked_ = now;
    if (!ear_.write()) failed(ear_);
  }
  void failed(redis_wire& w, std::string why = {}) {
    if (why.empty()) why = w.why();
    if (&w == &work_) {
      refusal_.clear();
      return lose(why);
    }
    if (w.at() == stage::up) news_.listening = false;
    w.drop();
  }
  void lose(const std::string& why) {
    if (!std::exchange(lost_, true))
      log::warn("lock", "redis is out of reach", {{"address", name_of(s_.at)}, {"reason", why}});
    for (const auto& e : std::exchange(expected_, {}))
      if (e.what == entry::call || std::exchange(kept_, std::nullopt))
        news_.results.push_back({e.call.number, std::nullopt});
    kept_.reset();
    broken_ = false;
    work_.drop();
  }

  // ---- greetings
  std::optional<std::vector<std::string>> password() const {
    if (s_.at.password.empty()) return std::nullopt;
    if (s_.at.user.empty()) return std::vector<std::string>{"AUTH", s_.at.password};
    return std::vector<std::string>{"AUTH", s_.at.user, s_.at.password};
  }
  void greet() {
    const auto say = [&](entry what, const std::vector<std::string>& words, std::size_t which = 0) {
      work_.put(words);
      expected_.push_back({what, which, {}, clock::time_point::max()});
    };
    if (const auto words = password()) say(entry::password, *words);
    if (s_.at.database != 0) say(entry::database, {"SELECT", std::to_string(s_.at.database)});
    say(entry::memory, {"INFO", "memory"});
    for (std::size_t i = 0; i < redis_scripts; ++i)
      say(entry::text, {"SCRIPT", "LOAD", redis_texts()[i]}, i);
    begun_ = false;
    begin();
    if (!work_.write()) failed(work_);
  }
  void refuse(const std::string& why) {
    refusal_ = "the Redis server at " + name_of(s_.at) + " refuses: " + why;
    lose(refusal_);
    changed_.notify_all();
  }
  void greeted() {
    work_.greeted();
    refusal_.clear();
    if (std::exchange(lost_, false))
      log::info("lock", "redis answers", {{"address", name_of(s_.at)}});
    for (auto& w : std::exchange(waiting_, {})) put(std::move(w));
    changed_.notify_all();
  }
  // A server that forgets what it was told to keep would grant a lock twice, in silence.
  void judge(const redis_reply& said) {
    const auto value = [&](const std::string& name) {
      const auto at = said.text.find(name + ":");
      if (at == std::string::npos) return std::string{};
      const auto from = at + name.size() + 1;
      return said.text.substr(from, said.text.find_first_of("\r\n", from) - from);
    };
    const auto policy = value("maxmemory_policy");
    if (policy.empty() || policy == "noeviction" || value("maxmemory") == "0") return;
    refuse("it forgets keys when its memory is full (maxmemory-policy " + policy +
           "), and locks with them: set noeviction, or take another server");
  }
  void subscribe() {
    if (const auto words = password()) ear_.put(*words);
    ear_.put({"SUBSCRIBE", std::string{redis_inbox} + s_.inbox});
    if (!ear_.write()) failed(ear_);
  }

  // ---- what is asked and answered
  // Before anybody stands, tickets are brought to the clock. A server without memory is asked again with each stand, which it
  // refuses as well.
  void begin() {
    work_.put({"EVAL", redis_texts()[static_cast<std::size_t>(redis_script::begin)], "1",
               std::string{redis_key}});
    expected_.push_back({entry::begin, 0, {}, clock::time_point::max()});
  }
  void put(expected e, bool whole = false) {
    if (!begun_ && e.call.what == redis_script::stand) begin();
    std::vector<std::string> words{whole ? "EVAL" : "EVALSHA",
                                   whole ? redis_texts()[index(e)] : hashes_[index(e)], "1",
                                   std::string{redis_key}};
    words.insert(words.end(), e.call.words.begin(), e.call.words.end());
    work_.put(words);
    const bool promises = e.call.promises && s_.at.replicas > 0;
    auto count = expected{entry::replicas, 0, {.number = e.call.number}, e.until};
    expected_.push_back(std::move(e));
    if (!promises) return;
    work_.put({"WAIT", std::to_string(s_.at.replicas), std::to_string(s_.patience.count() / 2)});
    expected_.push_back(std::move(count));
  }
  static std::size_t index(const expected& e) { return static_cast<std::size_t>(e.call.what); }

  void heed(redis_reply said) {
    if (expected_.empty()) return lose("it says what nobody has asked");
    spoke_ = clock::now();
    auto e = std::move(expected_.front());
    expected_.pop_front();
    const bool problem = said.what == kind::problem;
    const bool demoted = problem && said.text.starts_with("READONLY");
    switch (e.what) {
      case entry::call:
        if (problem && said.text.starts_with("NOSCRIPT")) return put(std::move(e), true);
        if (e.call.promises && s_.at.replicas > 0)
          kept_ = std::move(said);
        else
          news_.results.push_back({e.call.number, std::move(said)});
        // One that was a primary: what it becomes again has to begin anew.
        if (demoted) failed(work_, "it is a replica, and takes no changes");
        return;
      case entry::replicas:
        if (!kept_) return;  // it is asked again
        if (!problem && said.number < s_.at.replicas) kept_.reset();
        news_.results.push_back({e.call.number, std::exchange(kept_, std::nullopt)});
        return;
      case entry::memory:
        if (problem && said.text.starts_with("NOPERM")) return;  // nobody is to know
        if (!problem) return judge(said);
        break;
      case entry::text:
        if (problem) break;
        hashes_[e.which] = said.text;
        return;
      case entry::begin:
        begun_ = !problem;
        if (problem && !said.text.starts_with("OOM")) break;
        if (work_.at() == stage::greeting) greeted();
        return;
      case entry::password:
      case entry::database:
        if (!problem) return;
        break;
    }
    if (passes(said.text)) return failed(work_, said.text);
    refuse(said.text);
  }
  void hear(const redis_reply& said) {
    heard_ = clock::now();
    if (said.what == kind::problem) return failed(ear_, said.text);
    if (said.items.size() < 2) return;
    const auto& word = said.items.front().text;
    if (word == "message" && said.items.size() == 3) news_.heard.push_back(said.items[2].text);
    if (word != "subscribe") return;
    ear_.greeted();
    asked_ = heard_;
    news_.listening = true;
    changed_.notify_all();
  }

  const redis_link_settings s_;
  std::mutex gate_;  // of `tell_`
  std::function<void(redis_news)> tell_;
  const int bell_;

  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  redis_wire work_, ear_;
  std::deque<expected> expected_, waiting_;
  std::optional<redis_reply> kept_;  // until the replicas have been counted
  std::array<std::string, redis_scripts> hashes_;
  std::string refusal_;  // why it does not serve
  clock::time_point spoke_{}, asked_{},
      heard_{};  // the first is of the work, the others of the ear
  redis_news news_;
  bool begun_ = false, broken_ = false, lost_ = false, stopped_ = false, ended_ = false;
};

redis_link::redis_link(redis_link_settings settings, std::function<void(redis_news)> tell)
    : state_{std::make_shared<state>(std::move(settings), std::move(tell))} {
  std::thread{[its = state_] { its->run(); }}.detach();
}
redis_link::~redis_link() { state_->stop(); }
void redis_link::call(std::vector<redis_call> what) { state_->call(std::move(what)); }
std::optional<std::string> redis_link::ready(std::chrono::milliseconds within) {
  return state_->ready(within);
}
}  // namespace troupe::lock
