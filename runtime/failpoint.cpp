#include "runtime/failpoint.hpp"

#include "patterns/simulation/random.hpp"
#include "runtime/config/nearest.hpp"
#include "runtime/config/value.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace troupe::failpoints {
std::atomic<bool> detail::watched{true};  // until the environment was read

namespace {
enum class action { off, crash, pause, error };
struct armed {
  action what = action::off;
  std::chrono::nanoseconds pause{};
  std::uint64_t only = 0;                     // the time that counts; 0: each
  std::uint32_t parts = simulation::million;  // of a million: how likely
  std::uint64_t reached = 0;
  simulation::generator chance{1};
};

struct switches {
  std::mutex mutex{};
  bool environment_read = false;
  std::map<failpoint, armed> on{};
  int hits = -1;  // the file they are told in
  std::set<failpoint> hit{};
};
switches& state() {
  static auto* const one = new switches;  // outlives every thread that may still reach a place
  return *one;
}

const place* named(std::string_view name) {
  for (const auto& p : all())
    if (p.name == name) return &p;
  return nullptr;
}

const place& place_of(failpoint where) { return all()[static_cast<std::size_t>(where)]; }

unexpected<std::string> wrong(std::string_view text, const std::string& why) {
  return unexpected{"the failpoint '" + std::string{text} + "' " + why};
}

result<armed, std::string> action_from(std::string_view text, std::string_view whole) {
  armed a;
  const auto mark = text.find_first_of("@%");
  if (mark != text.npos) {
    const auto number = text.substr(mark + 1);
    if (text[mark] == '@') {
      const auto n = config::read_integer(number);
      if (!n || *n < 1) return wrong(whole, "needs a number from 1 on behind @");
      a.only = static_cast<std::uint64_t>(*n);
    } else {
      const auto percent = config::read_real(number);
      if (!percent || !(*percent >= 0 && *percent <= 100))
        return wrong(whole, "needs a chance between 0 and 100 behind %");
      a.parts = static_cast<std::uint32_t>(*percent * 10'000);
    }
    text = text.substr(0, mark);
  }
  const auto colon = text.find(':');
  const auto word = text.substr(0, colon);
  if (word == "pause") {
    const auto time = config::read_duration(colon == text.npos ? "" : text.substr(colon + 1));
    if (!time || *time < std::chrono::nanoseconds{})
      return wrong(whole, "needs a time behind pause, such as pause:100ms");
    a.what = action::pause;
    a.pause = *time;
    return a;
  }
  const std::vector<std::string> words{"crash", "pause", "error", "off"};
  const auto found = std::find(words.begin(), words.end(), text);
  if (found == words.end()) {
    const auto meant = config::nearest(word, words);
    return wrong(whole, "has no action of ours" +
                            (meant.empty() ? std::string{"; there is crash, pause:TIME, error, off"}
                                           : "; did you mean '" + meant + "'?"));
  }
  a.what = text == "crash" ? action::crash : text == "error" ? action::error : action::off;
  return a;
}

// What NAME=ACTION switches on.
struct wanted {
  failpoint where{};
  armed how{};
};
result<wanted, std::string> wanted_from(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == text.npos) return wrong(text, "is not of the form NAME=ACTION");
  const auto name = text.substr(0, equals);
  const auto* const p = named(name);
  if (p == nullptr) {
    std::vector<std::string> known;
    for (const auto& one : all()) known.emplace_back(one.name);
    const auto meant = config::nearest(name, known);
    return wrong(name, "does not exist" +
                           (meant.empty() ? std::string{} : "; did you mean '" + meant + "'?") +
                           "; `troupe failpoints` lists them");
  }
  auto a = action_from(text.substr(equals + 1), text);
  if (!a) return unexpected{a.error()};
  if (a->what == action::error && p->error.empty())
    return wrong(name, "has nothing that could fail there: let it crash or pause");
  a->chance = simulation::generator{simulation::digest_of(name)};
  return wanted{p->where, *a};
}

// With the lock held.
void put(switches& s, const wanted& w) {
  if (w.how.what == action::off)
    s.on.erase(w.where);
  else
    s.on.insert_or_assign(w.where, w.how);
}

// With the lock held, once.
result<void, std::string> take_environment(switches& s) {
  if (std::exchange(s.environment_read, true)) return {};
  if (const char* file = std::getenv("TROUPE_FAILPOINTS_HIT"); file != nullptr && *file != '\0')
    s.hits = ::open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const char* const text = std::getenv("TROUPE_FAILPOINTS");
  for (const auto& one : config::split_list(text == nullptr ? "" : text)) {
    const auto w = wanted_from(one);
    if (!w) return unexpected{"TROUPE_FAILPOINTS: " + w.error()};
    put(s, *w);
  }
  return {};
}

void tell(switches& s, failpoint where) {
  if (s.hits < 0 || !s.hit.insert(where).second) return;
  const auto line = std::string{place_of(where).name} + '\n';
  [[maybe_unused]] const auto written = ::write(s.hits, line.data(), line.size());
}

void crash() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}
}  // namespace

const std::vector<place>& all() {
  using f = failpoint;
  static const std::vector<place> list{
      {f::data_taken, "data.taken", "a node has taken its data directory", "it cannot be taken"},
      {f::data_members_write, "data.members.write",
       "before the list of members is written beside the old one", "the write fails"},
      {f::data_members_rename, "data.members.rename", "before it takes the old one's place",
       "the rename fails"},
      {f::data_members_renamed, "data.members.renamed", "after it", ""},
      {f::node_address_rename, "node.address.rename",
       "before the file with the node's address gets its name", "the rename fails"},
      {f::events_write, "events.write", "before a line of the event log", "the line is lost"},
      {f::events_written, "events.written", "after it", ""},
      {f::output_token, "mapreduce.output.token",
       "a job's output directory is made, before the token that says whose it is",
       "it cannot be written"},
      {f::output_prepared, "mapreduce.output.prepared",
       "the token is on disk, before the plan leaves", ""},
      {f::commit_rename, "mapreduce.commit.rename", "before a finished part gets its name",
       "the rename fails"},
      {f::commit_renamed, "mapreduce.commit.renamed", "after it, before the directory is synced",
       "the sync fails"},
      {f::commit_synced, "mapreduce.commit.synced", "after that, before the master hears of it",
       ""},
      {f::finish_success, "mapreduce.finish.success", "all parts stand, before _SUCCESS",
       "it cannot be written"},
      {f::finish_marked, "mapreduce.finish.marked",
       "_SUCCESS is on disk, before what is temporary goes", "it cannot be removed"},
      {f::finish_done, "mapreduce.finish.done",
       "nothing temporary is left, before the job is reported as done", ""},
      {f::spill_write, "mapreduce.spill.write",
       "before a map or a reduce writes what memory cannot hold", "the write fails"},
      {f::map_output_create, "mapreduce.map.create", "before the file of a map's output is made",
       "it cannot be made"},
      {f::map_output_written, "mapreduce.map.written", "the map's output is written",
       "it cannot be closed"},
      {f::reduce_part_sync, "mapreduce.reduce.sync",
       "a part is written under its temporary name, before its sync", "the sync fails"},
      {f::reduce_part_synced, "mapreduce.reduce.synced",
       "after it, before the master is asked to commit", ""},
      {f::task_report, "mapreduce.task.report", "before the end of a task leaves its thread", ""},
      {f::link_handshake_send, "link.handshake.send", "before each part of a link's handshake",
       "it vanishes"},
      {f::link_agreed, "link.agreed",
       "a handshake is agreed upon, before its session begins or goes on", ""},
      {f::link_session_send, "link.session.send",
       "before a batch of a session is handed to the socket", ""},
      {f::link_session_sent, "link.session.sent", "after it", ""},
      {f::membership_send, "membership.send", "before each message to another member",
       "it is lost"},
      {f::membership_leave, "membership.leave", "before the order to leave is obeyed",
       "it is refused"},
      {f::membership_left, "membership.left", "after that, before it is acknowledged", ""},
      {f::supervisor_launch, "supervisor.launch",
       "before a supervisor starts a child, again or for the first time", "it cannot start"},
      {f::supervisor_launched, "supervisor.launched", "after it", ""},
      {f::journal_write, "journal.write", "before a group commit is written to the journal",
       "the write fails"},
      {f::journal_sync, "journal.sync", "it is written, before it is synced", "the sync fails"},
      {f::journal_synced, "journal.synced", "it is on disk, before anybody is told", ""},
  };
  return list;
}

result<void, std::string> switch_on(std::string_view text) {
  const auto w = wanted_from(text);
  if (!w) return unexpected{w.error()};
  auto& s = state();
  const std::lock_guard lock{s.mutex};
  put(s, *w);
  detail::watched = true;
  return {};
}

result<void, std::string> read_environment() {
  auto& s = state();
  const std::lock_guard lock{s.mutex};
  return take_environment(s);
}

void all_off() {
  auto& s = state();
  const std::lock_guard lock{s.mutex};
  s.on.clear();
}

bool detail::act(failpoint where) {
  auto& s = state();
  std::chrono::nanoseconds pause{};
  {
    const std::lock_guard lock{s.mutex};
    if (const auto taken = take_environment(s); !taken)
      std::fprintf(stderr, "%s\n", taken.error().c_str());
    if (s.on.empty() && s.hits < 0) {
      watched = false;
      return false;
    }
    tell(s, where);
    const auto found = s.on.find(where);
    if (found == s.on.end()) return false;
    auto& a = found->second;
    ++a.reached;
    if (a.only != 0 && a.reached != a.only) return false;
    if (!a.chance.chance(a.parts)) return false;
    if (a.what == action::error) return true;
    if (a.what == action::crash) crash();
    pause = a.pause;
  }
  std::this_thread::sleep_for(pause);
  return false;
}
}  // namespace troupe::failpoints
