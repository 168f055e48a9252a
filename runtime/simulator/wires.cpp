#include "runtime/simulator/wires.hpp"

#include <algorithm>
#include <cstring>
namespace troupe::laboratory {
namespace {
constexpr std::size_t packet_max = 64 * 1024;
constexpr duration syn_again = std::chrono::seconds{1};
}  // namespace

// ---- one end
void socket::listen_to(handlers h) {
  handlers_ = std::move(h);
  look_again();
}

void socket::send(const std::vector<char>& bytes) {
  if (state_ != state::open || bytes.empty()) return;
  for (std::size_t at = 0; at < bytes.size(); at += packet_max)
    unsent_.push_back({std::string(bytes.data() + at, std::min(packet_max, bytes.size() - at)), false});
  unsent_bytes_ += bytes.size();
  push();
}

// As much as the peer's buffer has room for.
void socket::push() {
  const auto peer = peer_.lock();
  while (!unsent_.empty()) {
    auto& next = unsent_.front();
    const auto with_peer = flying_ + (peer ? peer->received_.size() : 0);
    if (!next.end && with_peer > 0 && with_peer + next.bytes.size() > net_.usual_.buffer) break;
    unsent_bytes_ -= next.bytes.size();
    flying_ += next.bytes.size();
    sent_untold_ += next.bytes.size();
    auto p = std::move(next);
    unsent_.pop_front();
    fly(std::move(p), false);
  }
  if (sent_untold_ > 0) look_again();
  if (unsent_.empty()) const auto last = std::move(keep_);
}

void socket::fly(packet p, bool again) {
  auto late = net_.latency(here_, there_);
  late += duration{static_cast<std::int64_t>(p.bytes.size() * 1'000'000'000U /
                                             net_.usual_.bytes_per_second)};
  const auto* way = net_.known(here_, there_);
  auto rto = net_.usual_.retransmit;
  if (again) late += net_.chance_.between({}, rto);
  for (int tries = 0; way && way->loss > 0 && tries < 6; ++tries, rto *= 2) {
    if (!net_.chance_.chance(static_cast<std::uint32_t>(way->loss))) break;
    late += rto;
  }
  last_arrival_ = std::max(last_arrival_, net_.agenda_.now() + late);
  net_.agenda_.at(last_arrival_,
                  [self = shared_from_this(), p = std::move(p)]() mutable { self->arrive(std::move(p)); });
}

void socket::arrive(packet p) {
  if (state_ == state::dead) return;
  const auto to = net_.hosts_.find(there_);
  const bool there = to != net_.hosts_.end() && to->second.powered;
  if (!stuck_.empty() || !there || !net_.passes(here_, there_)) return stuck(std::move(p));
  flying_ -= p.bytes.size();
  const auto peer = peer_.lock();
  const bool unread = peer && peer->state_ == state::closed && !p.bytes.empty();
  if (!peer || peer->state_ == state::dead || unread) {  // who is not there resets
    if (net_.passes(there_, here_))
      net_.agenda_.after(net_.latency(there_, here_), [self = shared_from_this()] { self->break_off(); });
    return;
  }
  ++net_.packets_;
  const std::uint64_t seen[] = {static_cast<std::uint64_t>(net_.agenda_.now().count()), here_, there_,
                                simulation::digest_of(p.bytes)};
  net_.digest_ = simulation::digest_of({reinterpret_cast<const char*>(seen), sizeof seen}, net_.digest_);
  peer->receive(std::move(p));
}

void socket::receive(packet p) {
  if (state_ == state::closed) return;  // nobody reads any more
  received_ += p.bytes;
  ended_ = ended_ || p.end;
  look_again();
}

void socket::stuck(packet p) {
  if (stuck_.empty()) {
    const auto mark = ++stuck_times_;
    net_.agenda_.after(net_.usual_.give_up, [self = shared_from_this(), mark] {
      if (!self->stuck_.empty() && self->stuck_times_ == mark) self->break_off();
    });
  }
  stuck_.push_back(std::move(p));
}

std::size_t socket::take(char* to, std::size_t n) {
  n = std::min(n, received_.size());
  std::memcpy(to, received_.data(), n);
  received_.erase(0, n);
  if (const auto peer = peer_.lock(); peer && !peer->unsent_.empty())
    net_.agenda_.after(net_.latency(here_, there_), [peer] {
      if (peer->state_ != state::dead) peer->push();
    });
  return n;
}

void socket::close() {
  if (state_ != state::open) return;
  state_ = state::closed;
  keep_ = shared_from_this();
  unsent_.push_back({{}, true});
  push();
}

void socket::abort() {
  if (state_ == state::dead) return;
  const auto peer = peer_.lock();
  received_.clear();
  break_off();
  told_ = true;
  if (!peer || !net_.passes(here_, there_)) return;
  net_.agenda_.after(net_.latency(here_, there_), [peer] { peer->break_off(); });
}

// What has come already can still be read.
void socket::break_off() {
  if (state_ == state::dead) return;
  const auto last = std::move(keep_);
  told_ = told_ || state_ == state::closed;
  state_ = state::dead;
  unsent_.clear();
  stuck_.clear();
  unsent_bytes_ = flying_ = 0;
  look_again();
}

// Its program hears of what there is, once it runs.
void socket::look_again() {
  if (std::exchange(looking_, true)) return;
  net_.agenda_.after({}, [self = shared_from_this()] {
    self->net_.when_running(self->here_, [self] {
      self->looking_ = false;
      auto h = self->handlers_;
      if (self->sent_untold_ > 0 && self->state_ == state::open && h.sent)
        h.sent(std::exchange(self->sent_untold_, 0));
      if (self->state_ == state::closed || self->told_) return;
      if (!self->received_.empty() && h.readable) return h.readable();
      const bool over = self->state_ == state::dead || self->ended_;
      if (!over || !h.closed) return;
      self->told_ = true;
      h.closed();
      self->handlers_ = {};
    });
  });
}

// ---- all of them
std::string wires::address_of(host_id h) {
  return "10." + std::to_string(h / 254 / 256) + '.' + std::to_string(h / 254 % 256) + '.' +
         std::to_string(h % 254 + 1);
}

std::optional<host_id> wires::host_of(const std::string& text) {
  unsigned a = 0, b = 0, c = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "10.%3u.%3u.%3u%c", &a, &b, &c, &rest) != 3 || c < 1 || c > 254)
    return std::nullopt;
  return (a * 256 + b) * 254 + c - 1;
}

std::optional<std::uint16_t> wires::listen(host_id h, std::uint16_t port, accepted take) {
  auto& on = hosts_[h];
  const bool any = port == 0;
  while (port == 0 || (any && on.listeners.contains(port))) port = on.next_port++;
  if (!on.listeners.emplace(port, std::move(take)).second) return std::nullopt;
  return port;
}

void wires::unlisten(host_id h, std::uint16_t port) { hosts_[h].listeners.erase(port); }

socket_ptr wires::open(host_id here, host_id there, std::uint16_t port) {
  auto made = socket_ptr{new socket{*this, here, there, port}};
  auto& all = hosts_[here].sockets;
  std::erase_if(all, [](const auto& s) { return s.expired(); });
  all.push_back(made);
  return made;
}

void wires::dial(host_id from, const std::string& host, std::uint16_t port, duration limit, dialed done) {
  const auto to = host_of(host);
  auto told = std::make_shared<dialed>(std::move(done));
  if (!to) {
    agenda_.after({}, [told] { (*told)(nullptr, "the host is not known"); });
    return;
  }
  try_dial(from, *to, port, agenda_.now() + limit, syn_again, std::move(told));
}

void wires::try_dial(host_id from, host_id to, std::uint16_t port, instant until, duration patience,
                     std::shared_ptr<dialed> done) {
  const auto tell = [this, from, done](duration after, socket_ptr made, std::string why) {
    agenda_.after(after, [this, from, done, made = std::move(made), why = std::move(why)] {
      when_running(from, [done, made, why] { (*done)(made, why); });
    });
  };
  const auto there = hosts_.find(to);
  const auto* way = known(from, to);
  const bool lost = way && way->loss > 0 && chance_.chance(static_cast<std::uint32_t>(way->loss));
  const bool reached = there != hosts_.end() && there->second.powered && passes(from, to) && passes(to, from);
  if (!reached || lost) {
    if (agenda_.now() + patience >= until)
      return tell(until - agenda_.now(), nullptr, "Connection timed out");
    agenda_.after(patience, [=, this] { try_dial(from, to, port, until, patience * 2, done); });
    return;
  }
  const auto once = latency(from, to), back = latency(to, from);
  const auto listener = there->second.listeners.find(port);
  if (listener == there->second.listeners.end()) return tell(once + back, nullptr, "Connection refused");
  auto mine = open(from, to, port), theirs = open(to, from, hosts_[from].next_port++);
  if (hosts_[from].next_port == 0) hosts_[from].next_port = 40'000;
  mine->peer_ = theirs;
  theirs->peer_ = mine;
  agenda_.after(once, [this, to, port, theirs] {
    when_running(to, [this, to, port, theirs] {
      const auto& listeners = hosts_[to].listeners;
      const auto still = listeners.find(port);
      if (still == listeners.end()) return theirs->abort();
      auto take = still->second;
      take(theirs);
    });
  });
  tell(once + back, mine, {});
}

const wires::way* wires::known(host_id from, host_id to) const {
  const auto found = ways_.find({from, to});
  return found == ways_.end() ? nullptr : &found->second;
}

bool wires::passes(host_id from, host_id to) const {
  const auto* way = known(from, to);
  return !way || way->cuts == 0;
}

duration wires::latency(host_id from, host_id to) {
  const auto* way = known(from, to);
  auto late = chance_.between(usual_.latency_min, usual_.latency_max);
  if (way && way->delay.count() > 0) late += chance_.between({}, way->delay);
  return late;
}

void wires::cut(host_id from, host_id to, bool yes) {
  auto& way = between(from, to);
  way.cuts += yes ? 1 : -1;
  if (way.cuts == 0 && !yes) healed(from, to);
}

void wires::healed(host_id from, host_id to) {
  each_socket(from, [&](socket& s) {
    if (s.there_ != to) return;
    auto waiting = std::exchange(s.stuck_, {});
    for (auto& p : waiting) s.fly(std::move(p), true);
  });
}

void wires::lose(host_id from, host_id to, std::int64_t of_a_million) { between(from, to).loss += of_a_million; }
void wires::delay(host_id from, host_id to, duration up_to) { between(from, to).delay += up_to; }

void wires::freeze(host_id h, bool yes) {
  auto& on = hosts_[h];
  on.frozen += yes ? 1 : -1;
  if (on.frozen > 0) return;
  for (auto& what : std::exchange(on.when_thawed, {})) agenda_.after({}, [this, h, what] { when_running(h, what); });
}

void wires::when_running(host_id h, std::function<void()> what) {
  auto& on = hosts_[h];
  if (on.frozen > 0) {
    on.when_thawed.push_back(std::move(what));
  } else {
    what();
  }
}

void wires::each_socket(host_id h, const std::function<void(socket&)>& what) {
  const auto all = hosts_[h].sockets;
  for (const auto& weak : all)
    if (const auto s = weak.lock()) what(*s);
}

void wires::reset(host_id a, host_id b) {
  each_socket(a, [&](socket& s) {
    if (s.there_ != b) return;
    if (const auto peer = s.peer_.lock()) peer->break_off();
    s.break_off();
  });
}

void wires::process_ended(host_id h) {
  each_socket(h, [](socket& s) {
    s.handlers_ = {};
    if (s.state_ != socket::state::closed) s.abort();  // what was closed before is still sent
  });
  hosts_[h].listeners.clear();
  hosts_[h].when_thawed.clear();
}

void wires::power(host_id h, bool on) {
  hosts_[h].powered = on;
  if (on) return;
  each_socket(h, [](socket& s) {
    s.told_ = true;
    s.break_off();
    s.handlers_ = {};
  });
  hosts_[h].listeners.clear();
  hosts_[h].when_thawed.clear();
}
}  // namespace troupe::laboratory
