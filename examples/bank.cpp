// The bank of bank.hpp on a cluster: three nodes hold it, any node can use it. Its test is bank_laboratory.cpp.
//   bank serve NAME PORT DIRECTORY [SEED]     one of the three; SEED is another's HOST:PORT
//   bank move SEED FROM TO SUM                a node that joins for one transfer: both begin with 100
// Try it: `bank serve a 4711 /tmp/a`, `bank serve b 4712 /tmp/b 127.0.0.1:4711`, `bank serve c 4713 /tmp/c 127.0.0.1:4711`
// in three terminals, `bank move 127.0.0.1:4711 ann bob 5` in a fourth. Kill any of the three and go on.
#include "bank.hpp"

#include <iostream>
#include <unistd.h>

#include <caf/all.hpp>
#include <troupe/actors/consensus/protocol.hpp>
#include <troupe/cluster/node.hpp>
#include <troupe/runtime/codec/inspect.hpp>

using namespace std::chrono_literals;
namespace consensus = troupe::consensus;

int serve(char** argv, int argc) {
  troupe::node_settings settings;
  settings.name = argv[2];
  settings.listen = std::string{"127.0.0.1:"} + argv[3];
  settings.data = argv[4];
  if (argc > 5) settings.seeds = {argv[5]};
  settings.consensus.bootstrap_expect = 3;
  troupe::node node{settings, [](troupe::node& n) { n.group("bank", make_bank); }};
  return static_cast<int>(node.run());
}

// The reply to a command, or throws what went wrong.
template <class Command>
auto tell(troupe::node& n, const Command& what) {
  caf::scoped_actor self{n.system()};
  troupe::result<troupe::reply_of<bank, Command>, std::string> said = troupe::unexpected{std::string{}};
  self->request(n.group("bank", make_bank), 10s, consensus::command{troupe::command_bytes<bank>(what)})
      .receive([&](const consensus::reply& r) { said = troupe::read_reply<bank, Command>(r.bytes); },
               [&](const caf::error& e) { said = troupe::unexpected{troupe::sentence_of(e)}; });
  if (!said) throw std::runtime_error{said.error()};
  return *said;
}

int move(char** argv) {
  troupe::node_settings settings;
  settings.name = "teller-" + std::to_string(::getpid());
  settings.seeds = {argv[2]};
  troupe::node node{settings};
  if (const auto started = node.start(); !started) return std::cerr << started.error() << '\n', 1;
  if (!node.wait_until_up(10s)) return std::cerr << "no cluster answers at " << argv[2] << '\n', 3;
  try {
    for (const auto* whose : {argv[3], argv[4]}) tell(node, open_account{whose, 100});
    const auto left = tell(node, transfer{argv[3], argv[4], std::stoll(argv[5])});
    std::cout << argv[3] << " has " << left << " left\n";
  } catch (const std::exception& e) {
    return std::cerr << "bank: " << e.what() << '\n', 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "serve" && (argc == 5 || argc == 6)) return serve(argv, argc);
  if (verb == "move" && argc == 6) return move(argv);
  std::cerr << "usage: bank serve NAME PORT DIRECTORY [SEED] | bank move SEED FROM TO SUM\n";
  return 2;
}
