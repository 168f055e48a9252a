// Two nodes that dial each other as they please over connections that are slow and cut at any
// moment: handshake, meeting and session together, as a host puts them together.
#include "link_pair.hpp"
#include "patterns/link/meeting.hpp"
#include "patterns/link/session.hpp"
#include "seeds.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe::link;
using namespace troupe::test;
using namespace std::chrono_literals;

void must(bool holds, const char* what) {
  if (!holds) FAIL(what);
}

// One end of one connection.
struct end_point {
  std::unique_ptr<handshake> greet;  // until it is done
  std::deque<char> out;              // on its way to the other end
  bool open = true;
  bool in_use = false;
  choice agreed{};
  std::uint64_t told = 0;  // what the other end was told as received
};
struct connection {
  int dialer = 0;
  std::array<end_point, 2> ends;  // by node
};

struct node {
  explicit node(int at)
      : index{at},
        with{life(static_cast<std::uint8_t>(at + 1)), life(static_cast<std::uint8_t>(2 - at))} {}
  int index;
  meeting with;
  std::optional<session> link;
  std::uint64_t number = 0;  // of that session
  int in_use = -1;           // connection
  int dialing = -1;
  std::map<std::uint64_t, std::vector<buffer>> sent, got;  // by session
};

struct world {
  explicit world(std::uint64_t seed) : chance{seed} {}
  std::size_t pick(std::size_t below) { return static_cast<std::size_t>(chance() % below); }

  meeting::session_state state_of(const node& n) const {
    if (!n.link || !n.link->live()) return {};
    return {true, n.link->standing() == session::state::attached, n.link->received()};
  }
  void dial(int at) {
    auto& n = nodes[at];
    if (n.dialing >= 0 || state_of(n).attached) return;
    auto c = std::make_unique<connection>();
    c->dialer = at;
    for (int i : {0, 1})
      c->ends[i].greet = std::make_unique<handshake>(
          i == at ? role::dialer : role::acceptor, member(static_cast<std::uint8_t>(i + 1)),
          credential{toy_mac("s"), {}, {}}, fresh_nonce(++nonces), handshake_settings{}, now);
    n.dialing = static_cast<int>(connections.size());
    connections.push_back(std::move(c));
    handshake::output out;
    connections.back()->ends[at].greet->start(out);
    carry_out(n.dialing, at, out);
  }
  // One side closes; the other sees it when the bytes before are read.
  void close(int id, int at) {
    auto& e = connections[id]->ends[at];
    if (!e.open) return;
    e.open = false;
    auto& n = nodes[at];
    if (n.dialing == id) {
      n.dialing = -1;
      n.with.dial_over();
    }
    if (n.in_use == id) {
      n.in_use = -1;
      session::output out;
      if (n.link) n.link->detach(now, fault::closed, out);
    }
  }
  void cut(int id) {  // what is on its way is lost
    for (int at : {0, 1}) {
      connections[id]->ends[at].out.clear();
      close(id, at);
    }
  }
  void attach(int id, int at, std::uint64_t peer_received) {
    auto& n = nodes[at];
    auto& e = connections[id]->ends[at];
    const int old = n.in_use;
    n.in_use = -1;
    if (old >= 0 && old != id) close(old, at);
    session::output out;
    if (!e.agreed.resumed) {
      if (n.link && n.link->live()) n.link->end(ending::superseded, "", out);
      session_settings s;
      s.resume_window = 1h;
      n.link.emplace(s, now);
      must(e.agreed.number > n.number, "a session's number was used twice");
      n.number = e.agreed.number;
    }
    must(n.number == e.agreed.number, "resumed the wrong session");
    must(n.link->attach(now, e.told, peer_received, out), "a session was lost");
    e.in_use = true;
    n.in_use = id;
    const auto rest = e.greet->leftover();
    e.greet.reset();
    receive(id, at, rest);
  }
  void carry_out(int id, int at, handshake::output& out) {
    auto& n = nodes[at];
    auto& e = connections[id]->ends[at];
    for (int round = 0; round < 4; ++round) {
      if (!out.refused && out.met && e.greet->part() == role::acceptor) {
        out.met.reset();
        const auto mine = n.with.offer(state_of(n));
        e.told = mine.live ? mine.received : 0;
        e.greet->proceed(mine, out);
      } else if (!out.refused && out.met) {
        out.met.reset();
        const auto did = n.with.choose(*out.offered, state_of(n));
        if (const auto* no = std::get_if<refusal>(&did)) {
          e.greet->refuse(*no, out);
        } else {
          e.agreed = std::get<choice>(did);
          e.told = e.agreed.received;
          peer_received[{id, at}] = e.agreed.resumed ? out.offered->received : 0;
          e.greet->proceed(e.agreed, out);
        }
      } else if (!out.refused && out.chosen) {
        e.agreed = *std::exchange(out.chosen, {});
        if (const auto no = n.with.judge(e.agreed, state_of(n))) {
          e.greet->refuse(*no, out);
        } else {
          peer_received[{id, at}] = e.agreed.received;
          if (!e.agreed.resumed) e.told = 0;
          if (n.dialing >= 0) close(n.dialing, at);
          e.greet->agree(out);
        }
      }
    }
    e.out.insert(e.out.end(), out.send.begin(), out.send.end());
    if (out.refused) return close(id, at);
    if (!out.done) return;
    if (e.greet->part() == role::dialer) {
      const bool resumable = !e.agreed.resumed || (n.link && n.link->live());
      if (n.dialing == id) n.dialing = -1;
      if (!resumable || !n.with.welcomed(e.agreed)) return close(id, at);
    }
    attach(id, at, peer_received[{id, at}]);
  }
  void receive(int id, int at, const buffer& bytes) {
    auto& n = nodes[at];
    auto& e = connections[id]->ends[at];
    if (!e.open) return;
    if (e.greet) {
      handshake::output out;
      e.greet->receive(bytes, now, out);
      return carry_out(id, at, out);
    }
    if (n.in_use != id) return;
    session::output out;
    n.link->receive(now, bytes, out);
    must(!out.broken, "a connection was broken by an error");
    for (auto& b : out.batches) {
      n.link->delivered(b.on, b.bytes.size());
      n.link->consumed(b.on, b.bytes.size());
      auto& got = n.got[n.number];
      const auto& sent = nodes[1 - at].sent[n.number];
      must(got.size() < sent.size() && sent[got.size()] == b.bytes,
           "lost, doubled, reordered or of another session");
      got.push_back(std::move(b.bytes));
    }
    if (out.ended) close(id, at);
  }
  void deliver(int id, int from, std::size_t size) {
    auto& e = connections[id]->ends[from];
    size = std::min(size, e.out.size());
    const buffer bytes{e.out.begin(), e.out.begin() + static_cast<std::ptrdiff_t>(size)};
    e.out.erase(e.out.begin(), e.out.begin() + static_cast<std::ptrdiff_t>(size));
    if (!bytes.empty()) receive(id, 1 - from, bytes);
    if (!e.open && e.out.empty()) close(id, 1 - from);
  }
  void write(int at) {
    auto& n = nodes[at];
    if (n.in_use < 0) return;
    auto& e = connections[n.in_use]->ends[at];
    buffer out;
    n.link->write(now, e.out.size(), out);
    e.out.insert(e.out.end(), out.begin(), out.end());
  }
  void say(int at) {
    auto& n = nodes[at];
    if (!n.link || !n.link->live()) return;
    buffer bytes(1 + pick(50), static_cast<char>(chance()));
    n.sent[n.number].push_back(bytes);
    must(n.link->enqueue(lane::normal, std::move(bytes)) == enqueued::accepted, "refused");
  }
  void step() {
    const int at = static_cast<int>(pick(2));
    const int id = connections.empty()
                       ? -1
                       : static_cast<int>(connections.size() - 1 -
                                          pick(std::min<std::size_t>(4, connections.size())));
    switch (pick(20)) {
      case 0:
        return dial(at);
      case 1:
        if (id >= 0 && pick(3) == 0) cut(id);
        return;
      case 2:
        if (id >= 0 && pick(3) == 0) close(id, at);
        return;
      case 3:
        if (pick(20) == 0 && nodes[at].link && nodes[at].in_use < 0) {  // the window has passed
          session::output out;
          nodes[at].link->end(ending::resume_window, "", out);
        }
        return;
      case 4:
      case 5:
        return say(at);
      case 6:
      case 7:
        return write(at);
      case 8:
        now += 1ms;
        return tick(at);
      default:
        if (id >= 0) deliver(id, at, pick(200));
    }
  }
  void tick(int at) {
    session::output out;
    if (nodes[at].link) nodes[at].link->tick(now, out);
  }
  // No more faults: who has no connection dials; after a while all is still.
  void heal() {
    for (int round = 0; round < 400; ++round) {
      if (round < 300)
        for (int at : {0, 1})
          if (pick(2) == 0) dial(at);
      now += 5ms;
      for (int at : {0, 1}) {
        tick(at);
        write(at);
      }
      for (std::size_t id = 0; id < connections.size(); ++id)
        for (int at : {0, 1}) deliver(static_cast<int>(id), at, 1 + pick(4000));
    }
    must(nodes[0].in_use >= 0, "no connection after the heal");
    must(nodes[0].in_use == nodes[1].in_use, "two connections in use");
    must(nodes[0].number == nodes[1].number, "two sessions in use");
    for (int at : {0, 1}) {
      must(state_of(nodes[at]).attached, "not attached");
      must(nodes[at].sent[nodes[at].number] == nodes[1 - at].got[nodes[at].number], "not all came");
    }
    for (std::size_t id = 0; id < connections.size(); ++id)
      for (int at : {0, 1})
        must(connections[id]->ends[at].open == (static_cast<int>(id) == nodes[at].in_use),
             "a connection that nobody uses stays open");
    connections_made += connections.size();
    if (nodes[0].in_use >= 0) cut(nodes[0].in_use);
    connections.clear();
    peer_received.clear();
  }

  std::mt19937_64 chance;
  instant now = 1s;
  std::uint64_t nonces = 0;
  std::array<node, 2> nodes{node{0}, node{1}};
  std::vector<std::unique_ptr<connection>> connections;
  std::map<std::pair<int, int>, std::uint64_t> peer_received;
  std::size_t connections_made = 0;
};

TEST_CASE("link meeting: one connection, one session, nothing lost, whoever dials when") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed};
    for (int round = 0; round < 20; ++round) {
      for (int i = 0; i < 500; ++i) w.step();
      w.heal();
    }
    CHECK(w.connections_made > 20);
  }
}

TEST_CASE("link meeting: dials crossed at each point of each other's handshake") {
  // both dial; in every order of their deliveries exactly one connection is kept
  for (unsigned order = 0; order < 4096; ++order) {
    CAPTURE(order);
    world w{1};
    w.dial(0);
    w.dial(1);
    for (unsigned bit = 0; bit < 12; ++bit) {
      const int id = static_cast<int>(order >> bit & 1);
      for (int at : {0, 1}) w.deliver(id, at, 100'000);
    }
    for (int i = 0; i < 12; ++i)
      for (int id : {0, 1})
        for (int at : {0, 1}) w.deliver(id, at, 100'000);
    REQUIRE(w.nodes[0].in_use >= 0);
    REQUIRE(w.nodes[0].in_use == w.nodes[1].in_use);
  }
}
}  // namespace
