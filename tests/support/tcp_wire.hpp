// A wire between two processes that a test controls: listens on a free loopback port, forwards to a target, and can be
// cut, held or slowed. One thread, poll() alone.
//   test::tcp_wire wire{target_port};
//   dial(wire.port()); wire.cut(); wire.refuse(true); ... wire.refuse(false);
#pragma once
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
namespace troupe::test {
class tcp_wire {
 public:
  explicit tcp_wire(std::uint16_t target) : target_{target} {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    auto address = loopback(0);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, generic, size) != 0 || ::listen(listener_, 128) != 0 ||
        ::getsockname(listener_, generic, &size) != 0 ||
        ::pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0)
      throw std::runtime_error{"no port for a test's wire"};
    port_ = ntohs(address.sin_port);
    worker_ = std::thread{[this] { run(); }};
  }
  ~tcp_wire() {
    stop_ = true;
    poke();
    worker_.join();
    for (auto& p : pairs_) close_pair(p);
    ::close(listener_);
    ::close(wake_[0]);
    ::close(wake_[1]);
  }
  tcp_wire(const tcp_wire&) = delete;
  tcp_wire& operator=(const tcp_wire&) = delete;

  std::uint16_t port() const { return port_; }
  void cut() {
    ++cuts_;
    poke();
  }  // resets what is connected now; new dials are served
  void refuse(bool on) {
    refuse_ = on;
    poke();
  }  // new connections are closed at once
  void hold(bool to_target,
            bool to_dialer) {  // bytes of a direction stay in the wire: a one-way cut
    hold_to_target_ = to_target;
    hold_to_dialer_ = to_dialer;
    poke();
  }
  void inject(std::string bytes) {  // to every target, as if its peer had sent them
    std::lock_guard guard{mutex_};
    injected_ += bytes;
    poke();
  }
  std::size_t accepted() const { return accepted_; }      // connections so far
  std::uint64_t forwarded() const { return forwarded_; }  // bytes, both ways

 private:
  struct stream {
    std::string pending;
    bool ended = false;  // no more bytes will come; what is pending still goes
  };
  struct pair {
    int dialer = -1, target = -1;
    stream to_target, to_dialer;
    bool dead = false;
  };
  static constexpr std::size_t pending_max = 256 * 1024;

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  void poke() { [[maybe_unused]] auto n = ::write(wake_[1], "x", 1); }
  static void reset(int fd) {  // RST instead of FIN, as from a cable that was cut
    linger hard{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    ::close(fd);
  }
  static void close_pair(pair& p) {
    if (p.dialer >= 0) reset(p.dialer);
    if (p.target >= 0) reset(p.target);
    p.dialer = p.target = -1;
    p.dead = true;
  }
  void accept_all() {
    for (int fd;
         (fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
      if (refuse_) {
        reset(fd);
        continue;
      }
      const int onward = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      auto address = loopback(target_);
      if (::connect(onward, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        ::close(onward);
        reset(fd);
        continue;
      }
      ::fcntl(onward, F_SETFL, O_NONBLOCK);
      for (int end : {fd, onward}) {
        int on = 1;
        ::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      }
      pairs_.push_back({fd, onward, {}, {}, false});
      ++accepted_;
    }
  }
  static void read_into(int fd, stream& s, pair& p) {
    char bytes[64 * 1024];
    const auto n = ::read(fd, bytes, sizeof bytes);
    if (n > 0)
      s.pending.append(bytes, static_cast<std::size_t>(n));
    else if (n == 0)
      s.ended = true;
    else if (errno != EAGAIN && errno != EINTR)
      close_pair(p);
  }
  void write_from(int fd, stream& s, pair& p) {
    const auto n = ::send(fd, s.pending.data(), s.pending.size(), MSG_NOSIGNAL);
    if (n > 0) {
      forwarded_ += static_cast<std::uint64_t>(n);
      s.pending.erase(0, static_cast<std::size_t>(n));
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
      close_pair(p);
    }
  }
  static short interest(const stream& in, const stream& out, bool hold_out) {
    const bool reads = !in.ended && in.pending.size() < pending_max;
    const bool writes = !out.pending.empty() && !hold_out;
    return static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
  }
  void serve(pair& p, short dialer, short target) {
    if (dialer & (POLLIN | POLLHUP | POLLERR)) read_into(p.dialer, p.to_target, p);
    if (!p.dead && target & (POLLIN | POLLHUP | POLLERR)) read_into(p.target, p.to_dialer, p);
    if (!p.dead && target & POLLOUT) write_from(p.target, p.to_target, p);
    if (!p.dead && dialer & POLLOUT) write_from(p.dialer, p.to_dialer, p);
    const bool done = (p.to_target.ended && p.to_target.pending.empty()) ||
                      (p.to_dialer.ended && p.to_dialer.pending.empty());
    if (!p.dead && done) close_pair(p);
  }
  void run() {
    unsigned cuts_seen = 0;
    while (!stop_) {
      if (const unsigned cuts = cuts_; cuts != cuts_seen) {
        cuts_seen = cuts;
        for (auto& p : pairs_) close_pair(p);
      }
      pairs_.remove_if([](const pair& p) { return p.dead; });
      {
        std::lock_guard guard{mutex_};
        for (auto& p : pairs_) p.to_target.pending += injected_;
        if (!pairs_.empty()) injected_.clear();
      }
      std::vector<pollfd> polled{{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
      for (auto& p : pairs_) {
        polled.push_back({p.dialer, interest(p.to_target, p.to_dialer, hold_to_dialer_), 0});
        polled.push_back({p.target, interest(p.to_dialer, p.to_target, hold_to_target_), 0});
      }
      ::poll(polled.data(), polled.size(), 1000);
      char drained[64];
      while (::read(wake_[0], drained, sizeof drained) > 0) {
      }
      auto at = polled.begin() + 2;
      for (auto& p : pairs_) {
        const auto dialer = (at++)->revents, target = (at++)->revents;
        serve(p, dialer, target);
      }
      accept_all();
    }
  }

  std::uint16_t target_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::list<pair> pairs_;  // the thread's own
  std::atomic<bool> stop_{false}, refuse_{false}, hold_to_target_{false}, hold_to_dialer_{false};
  std::atomic<unsigned> cuts_{0};
  std::atomic<std::size_t> accepted_{0};
  std::atomic<std::uint64_t> forwarded_{0};
  std::mutex mutex_;
  std::string injected_;
  std::thread worker_;
};
}  // namespace troupe::test
