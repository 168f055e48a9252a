// A peer without actors, for tests: raw bytes to a node, or an honest handshake first and whatever comes to mind after.
#pragma once
#include "patterns/link/handshake.hpp"
#include "patterns/link/meeting.hpp"
#include "patterns/link/record.hpp"

#include <chrono>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::test {
class rogue {
 public:
  explicit rogue(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error{"no connection"};
  }
  rogue(rogue&& other) noexcept
      : socket_{std::exchange(other.socket_, -1)}, said_{std::move(other.said_)} {}
  rogue& operator=(rogue&&) = delete;
  ~rogue() {
    if (socket_ >= 0) ::close(socket_);
  }
  bool send(link::view bytes) {
    if (said_.size() < 64 * 1024) link::put_bytes(said_, bytes);
    while (!bytes.empty()) {
      const auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return true;
  }
  bool send_text(std::string_view bytes) { return send(link::view{bytes.data(), bytes.size()}); }
  const link::buffer& said() const { return said_; }  // what was sent first
  // What has come, waiting for the first byte; empty when the other side has closed or the time is up.
  link::buffer receive(std::chrono::milliseconds limit = std::chrono::seconds{10}) {
    pollfd wait{socket_, POLLIN, 0};
    link::buffer bytes(65536);
    if (::poll(&wait, 1, static_cast<int>(limit.count())) <= 0) return {};
    const auto n = ::recv(socket_, bytes.data(), bytes.size(), 0);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }
  bool closed_within(std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < until) {
      pollfd wait{socket_, POLLIN, 0};
      if (::poll(&wait, 1, 50) <= 0) continue;
      char bytes[4096];
      if (::recv(socket_, bytes, sizeof bytes, 0) <= 0) return true;
    }
    return false;
  }

  // The handshake as `me`; what was refused, if it was.
  std::optional<link::refusal> greet(link::identity me, const std::string& secret) {
    std::mt19937_64 random{std::random_device{}()};
    link::nonce mine{};
    for (auto& byte : mine) byte = static_cast<std::uint8_t>(random());
    if (!me.life) {
      for (auto& byte : me.life.bytes) byte = static_cast<std::uint8_t>(random());
    }
    link::credential how;
    if (!secret.empty()) {
      how.secret = [secret](link::view bytes) {
        link::mac result{};
        unsigned size = 0;
        HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
             reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), result.data(),
             &size);
        return result;
      };
    }
    const auto now = [] { return std::chrono::steady_clock::now().time_since_epoch(); };
    link::handshake shake{link::role::dialer, me, how, mine, {}, now()};
    std::optional<link::meeting> meeting;
    link::handshake::output out;
    shake.start(out);
    for (;;) {
      if (out.met) {
        meeting.emplace(me.life, out.met->life);
        const auto chosen = meeting->choose(out.offered.value_or(link::standing{}), {});
        link::handshake::output more;
        if (const auto* choice = std::get_if<link::choice>(&chosen)) shake.proceed(*choice, more);
        more.send.insert(more.send.begin(), out.send.begin(), out.send.end());
        out = more;
        continue;
      }
      if (!out.send.empty()) send(out.send);
      if (out.refused) return out.refused;
      if (out.done) return std::nullopt;
      const auto bytes = receive();
      if (bytes.empty()) return link::refusal::late;
      out = {};
      shake.receive(bytes, now(), out);
    }
  }
  // One batch in one data frame.
  bool send_batch(std::uint64_t sequence, link::lane on, link::view batch) {
    link::buffer body, frame;
    link::put(body, sequence);
    link::put_bytes(body, batch);
    link::put_frame(frame, link::frame_kind::data, static_cast<std::uint8_t>(on), body);
    return send(frame);
  }

 private:
  int socket_;
  link::buffer said_;
};
}  // namespace troupe::test
