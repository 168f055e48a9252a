// The real environment: the operating system's entropy, sockets that are connected in threads of their own (a dead
// address blocks nobody else), and CAF's default multiplexer.
#include "runtime/error.hpp"
#include "runtime/remoting/environment.hpp"

#include <cerrno>
#include <cstring>
#include <deque>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include <arpa/inet.h>
#include <caf/io/network/default_multiplexer.hpp>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::remoting {
std::uint64_t entropy::number() {
  std::uint64_t value = 0;
  fill({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
  return value;
}

namespace {
using std::chrono::steady_clock;

class system_entropy final : public entropy {
 public:
  void fill(std::span<std::uint8_t> bytes) override {
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
      throw std::runtime_error("OpenSSL's random generator gave nothing: is /dev/urandom there?");
  }
};

class socket_holder {
 public:
  explicit socket_holder(int fd) : fd_{fd} {}
  socket_holder(const socket_holder&) = delete;
  socket_holder& operator=(const socket_holder&) = delete;
  ~socket_holder() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string reason_text(int code) {
  return std::error_code{code, std::system_category()}.message();
}

class thread_dialer final : public dialer {
 public:
  explicit thread_dialer(caf::io::network::multiplexer& loop)
      : loop_{loop}, stop_event_{::eventfd(0, EFD_CLOEXEC)} {}
  ~thread_dialer() override { stop(); }

  void dial(const endpoint& to, std::chrono::milliseconds deadline, callback ready) override {
    std::lock_guard guard{mutex_};
    if (stopped_) return;
    waiting_.push_back({to, deadline, std::move(ready)});
    if (waiting_.size() > idle_ && threads_.size() < threads_max)
      threads_.emplace_back([this] { work(); });
    wake_.notify_one();
  }

  void stop() override {
    {
      std::lock_guard guard{mutex_};
      if (stopped_) return;
      stopped_ = true;
      waiting_.clear();
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(stop_event_.get(), &one, sizeof one);
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  static constexpr std::size_t threads_max = 16;
  struct job {
    endpoint to;
    std::chrono::milliseconds deadline;
    callback ready;
  };

  void work() {
    std::unique_lock guard{mutex_};
    while (!stopped_) {
      if (waiting_.empty()) {
        ++idle_;
        wake_.wait(guard, [this] { return stopped_ || !waiting_.empty(); });
        --idle_;
        continue;
      }
      auto next = std::move(waiting_.front());
      waiting_.pop_front();
      guard.unlock();
      auto socket = connect(next.to, steady_clock::now() + next.deadline);
      if (!is_stopped()) {
        if (socket) {
          next.ready(loop_.new_scribe(*socket));
        } else {
          next.ready(socket.error());
        }
      } else if (socket) {
        ::close(*socket);
      }
      guard.lock();
    }
  }

  bool is_stopped() {
    std::lock_guard guard{mutex_};
    return stopped_;
  }

  caf::expected<int> connect(const endpoint& to, steady_clock::time_point until) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    const auto port = std::to_string(to.port);
    if (const int code = ::getaddrinfo(to.host.c_str(), port.c_str(), &hints, &found); code != 0)
      return make_error(errc::unreachable, "the host of " + to_string(to) + " is not known (" +
                                               ::gai_strerror(code) +
                                               "): check the name and the resolver");
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> list{found, ::freeaddrinfo};
    std::string why = "no address";
    for (auto* at = list.get(); at != nullptr; at = at->ai_next) {
      socket_holder socket{
          ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol)};
      if (socket.get() < 0) {
        why = reason_text(errno);
        continue;
      }
      if (::connect(socket.get(), at->ai_addr, at->ai_addrlen) == 0) return socket.release();
      if (errno != EINPROGRESS) {
        why = reason_text(errno);
        continue;
      }
      const int code = await(socket.get(), until);
      if (code == 0) return socket.release();
      why = reason_text(code);
      if (code == ECANCELED) break;
    }
    return make_error(errc::unreachable, "no connection to " + to_string(to) + ": " + why);
  }

  // 0 or an errno
  int await(int socket, steady_clock::time_point until) {
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now())
              .count();
      if (left <= 0) return ETIMEDOUT;
      pollfd polled[2] = {{socket, POLLOUT, 0}, {stop_event_.get(), POLLIN, 0}};
      const int ready = ::poll(polled, 2, static_cast<int>(left));
      if (ready < 0 && errno != EINTR) return errno;
      if (ready <= 0) continue;
      if (polled[1].revents != 0) return ECANCELED;
      int code = 0;
      socklen_t size = sizeof code;
      if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size) != 0) return errno;
      return code;
    }
  }

  caf::io::network::multiplexer& loop_;
  socket_holder stop_event_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job> waiting_;
  std::list<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopped_ = false;
};

class real final : public environment {
 public:
  entropy& chance() override { return chance_; }
  std::unique_ptr<caf::io::network::multiplexer> multiplexer(caf::actor_system& system) override {
    return std::make_unique<caf::io::network::default_multiplexer>(&system);
  }
  std::unique_ptr<remoting::dialer> dialer(caf::io::network::multiplexer& loop) override {
    return std::make_unique<thread_dialer>(loop);
  }
  bool own_thread() const override { return true; }
  bool acknowledges_writes() const override { return true; }
  // the default multiplexer's handles are file descriptors
  void tune(const caf::io::connection_handle& handle, std::size_t buffer_bytes) override {
    const int fd = static_cast<int>(handle.id());
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const unsigned patience = 10'000;  // milliseconds for bytes that nobody acknowledges
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
    const int bytes = static_cast<int>(buffer_bytes);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  std::size_t write_now(const caf::io::connection_handle& handle,
                        std::span<const char> bytes) override {
    const auto sent = ::send(static_cast<int>(handle.id()), bytes.data(), bytes.size(),
                             MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent)
                    : 0;  // what failed for good the loop will find out
  }
  void abort(const caf::io::connection_handle& handle) override {
    ::shutdown(static_cast<int>(handle.id()), SHUT_RDWR);
  }
  std::chrono::microseconds round_trip(const caf::io::connection_handle& handle) override {
    tcp_info info{};
    socklen_t size = sizeof info;
    const bool known =
        ::getsockopt(static_cast<int>(handle.id()), IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
    return std::chrono::microseconds{known ? info.tcpi_rtt : 0};
  }
  std::chrono::nanoseconds now() override { return steady_clock::now().time_since_epoch(); }

 private:
  system_entropy chance_;
};
}  // namespace

std::shared_ptr<environment> real_environment() { return std::make_shared<real>(); }
}  // namespace troupe::remoting
