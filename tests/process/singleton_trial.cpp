// A singleton of a user's own for the process tests, and the resource outside of the cluster that it does something to.
//   singleton-trial --resource --pipe PIPE   of each line "TOKEN NODE" from the pipe it says "took TOKEN NODE", or, of one that
//                                      is older than another, "refused TOKEN NODE"
//   singleton-trial --pipe PIPE        a node (settings of `troupe config` are flags); its singleton writes such a line
//                                      every 20 ms, and has decided to long before it does: whoever freezes it catches
//                                      it in between
#include "actors/election/singleton.hpp"
#include "cluster/node.hpp"
#include "patterns/consensus/fence.hpp"
#include "trial_settings.hpp"

#include <fstream>
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>
#include <caf/all.hpp>
#include <fcntl.h>
#include <unistd.h>

using namespace std::chrono_literals;
using tick_atom = caf::atom_constant<caf::atom("tick")>;

namespace {
int serve(const std::string& pipe) {
  std::fstream lines{pipe};  // for writing too: it has no end while writers come and go
  troupe::fence guard;
  std::uint64_t token = 0;
  for (std::string node; lines >> token >> node;)
    std::cout << (guard.admit("the resource", token) ? "took " : "refused ") << token << ' ' << node
              << std::endl;
  return 1;
}

caf::behavior worker(caf::event_based_actor* self, const std::string& node, std::uint64_t token,
                     int pipe) {
  self->send(self, tick_atom::value);
  return {[=](tick_atom) {
    const auto line = std::to_string(token) + ' ' + node + '\n';
    std::this_thread::sleep_for(19ms);  // the pause that no program sees coming
    if (::write(pipe, line.data(), line.size()) != static_cast<ssize_t>(line.size())) self->quit();
    self->delayed_send(self, 1ms, tick_atom::value);
  }};
}
}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A singleton and what it acts on, for tests"};
  troupe::config::sources from;
  std::string pipe;
  bool resource = false;
  app.add_option("--pipe", pipe)->required();
  app.add_flag("--resource", resource);
  troupe::config::add_flags(app, troupe::node_options(), from);
  CLI11_PARSE(app, argc, argv);
  if (resource) return serve(pipe);
  auto settings = troupe::trial::settings_from(from);
  if (const auto* code = std::get_if<int>(&settings)) return *code;
  auto& wanted = std::get<troupe::node_settings>(settings);
  const int out = ::open(pipe.c_str(), O_WRONLY | O_CLOEXEC);
  if (out < 0) return std::cerr << "cannot open " << pipe << '\n', 1;
  troupe::node node{
      std::move(wanted), [&](troupe::node& n) {
        n.own(troupe::election::spawn_singleton(
            n.system(), n.log(), {.name = "one", .node = n.name(), .bounds = {.ttl = 3s}},
            [out, name = n.name()](caf::actor_system& system, std::uint64_t token) {
              return system.spawn(worker, name, token, out);
            }));
      }};
  return static_cast<int>(node.run());
}
