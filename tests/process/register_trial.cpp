// A node of a user's own for the process tests: the one with the role `register` hosts a register that is on disk
// before it answers; each node is a client of it, one JSON object a line (harness/talk.py):
//   {"id":7,"f":"read","key":"x"}                    -> {"id":7,"type":"ok","value":3}
//   {"id":8,"f":"write","key":"x","value":4}         -> {"id":8,"type":"ok"}
//   {"id":9,"f":"cas","key":"x","value":[4,5]}       -> {"id":9,"type":"ok","value":true}
//   anything that went wrong                         -> {"id":9,"type":"fail" or "info","why":"..."}
//   Promises  linearizable by key, whoever is killed, frozen or cut off: what Troupe says of an error's outcome is
//             taken by its word
//   Planted   --stale-when-silent: a read that is not answered at once is answered from what this node saw last; right
//             as long as nothing goes wrong
// Settings of `troupe config` are flags.
#include "cluster/node.hpp"
#include "cluster/receptionist.hpp"
#include "runtime/codec/inspect.hpp"
#include "trial_settings.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <thread>

#include <CLI/CLI.hpp>
#include <caf/all.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace std::chrono_literals;
using nlohmann::json;
using read_atom = caf::atom_constant<caf::atom("read")>;
using write_atom = caf::atom_constant<caf::atom("write")>;
using cas_atom = caf::atom_constant<caf::atom("cas")>;

namespace {
// Lines KEY VALUE, the last one of a key counts; one that a kill has cut short has no newline and was never answered.
class file {
 public:
  explicit file(const std::string& path) {
    std::ifstream in{path};
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    text.resize(text.rfind('\n') + 1);
    std::istringstream lines{text};
    std::string key, value;
    while (lines >> key >> value) values_[key] = value;
    file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0 || ::ftruncate(file_, static_cast<off_t>(text.size())) != 0 ||
        ::lseek(file_, 0, SEEK_END) < 0)
      throw std::runtime_error{"cannot open " + path};
  }
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  ~file() { ::close(file_); }

  std::string get(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? "null" : found->second;
  }
  void put(const std::string& key, const std::string& value) {
    const auto line = key + ' ' + value + '\n';
    if (::write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
        ::fdatasync(file_) != 0)
      throw std::runtime_error{"cannot write"};
    values_[key] = value;
  }

 private:
  std::map<std::string, std::string> values_;
  int file_;
};

caf::behavior register_actor(caf::event_based_actor* self, const std::string& path,
                             const caf::actor& receptionist) {
  const auto values = std::make_shared<file>(path);
  self->send(receptionist, troupe::register_service{"register", self});
  return {
      [=](read_atom, const std::string& key) { return values->get(key); },
      [=](write_atom, const std::string& key, const std::string& value) {
        values->put(key, value);
        return std::string{"null"};
      },
      [=](cas_atom, const std::string& key, const std::string& old, const std::string& fresh) {
        const bool same = values->get(key) == old;
        if (same) values->put(key, fresh);
        return std::string{same ? "true" : "false"};
      },
  };
}

void answer(const json& id, const char* type, const std::string& value) {
  std::cout << R"({"id":)" << id << R"(,"type":")" << type << R"(","value":)" << value << "}\n"
            << std::flush;
}
void refuse(const json& id, const char* type, const std::string& why) {
  std::cout << json{{"id", id}, {"type", type}, {"why", why}}.dump(-1, ' ', true,
                                                                   json::error_handler_t::replace)
            << '\n'
            << std::flush;
}

struct client_state {
  caf::actor home;
  std::map<std::string, std::string> seen;  // the planted cache
};

class client {
 public:
  client(caf::stateful_actor<client_state>* self, bool stale) : self_{self}, stale_{stale} {}

  void serve(const std::string& line) const {
    const auto request = json::parse(line, nullptr, false);
    if (!request.is_object()) return;
    const auto id = request.at("id");
    const auto f = request.at("f").get<std::string>(), key = request.at("key").get<std::string>();
    if (!self_->state.home) return refuse(id, "fail", "no register is known");
    if (f == "read") return ask(id, f, key, read_atom::value, key);
    const auto& value = request.at("value");
    if (f == "write") return ask(id, f, key, write_atom::value, key, value.dump());
    ask(id, f, key, cas_atom::value, key, value.at(0).dump(), value.at(1).dump());
  }

 private:
  template <class... Words>
  void ask(const json& id, const std::string& f, const std::string& key, Words... words) const {
    auto* const self = self_;
    const bool cached = stale_ && f == "read";
    self->request(self->state.home, cached ? 200ms : 1s, words...)
        .then(
            [=](const std::string& value) {
              if (f == "read") self->state.seen[key] = value;
              answer(id, "ok", value);
            },
            [=](const caf::error& e) {
              if (cached && self->state.seen.contains(key))
                return answer(id, "ok", self->state.seen[key]);
              const bool never = troupe::outcome_of(e) == troupe::outcome::not_done;
              refuse(id, never ? "fail" : "info", troupe::sentence_of(e));
            });
  }
  caf::stateful_actor<client_state>* self_;
  bool stale_;
};

caf::behavior client_actor(caf::stateful_actor<client_state>* self, caf::actor receptionist,
                           bool stale) {
  self->send(receptionist, troupe::subscribe_service{"register", self});
  return {
      [=](const troupe::service_listing& all) {
        self->state.home = all.who.empty() ? caf::actor{} : all.who.front();
      },
      [=](const std::string& line) {
        client{self, stale}.serve(line);
      },
  };
}
}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A register and its clients, for tests"};
  troupe::config::sources from;
  bool stale = false;
  app.add_flag("--stale-when-silent", stale);
  troupe::config::add_flags(app, troupe::node_options(), from);
  CLI11_PARSE(app, argc, argv);
  auto settings = troupe::trial::settings_from(from);
  if (const auto* code = std::get_if<int>(&settings)) return *code;
  auto& wanted = std::get<troupe::node_settings>(settings);

  const bool home = std::count(wanted.roles.begin(), wanted.roles.end(), "register") > 0;
  const auto path = wanted.data + "/register";
  std::mutex mutex;
  caf::actor current;  // of this life of the node
  troupe::node node{std::move(wanted), [&](troupe::node& n) {
                      if (home) n.own(n.system().spawn(register_actor, path, n.receptionist()));
                      const std::lock_guard guard{mutex};
                      current = n.own(n.system().spawn(client_actor, n.receptionist(), stale));
                    }};
  if (const auto started = node.start(); !started) return std::cerr << started.error() << '\n', 1;
  std::thread{[&] {
    std::string line;
    while (std::getline(std::cin, line)) {
      const std::lock_guard guard{mutex};
      caf::anon_send(current, line);
    }
  }}.detach();
  const auto code = static_cast<int>(node.run());
  std::_Exit(code);  // the thread that reads may wait for a line for ever
}
