// TLS over memory: bytes from the wire go in, plain bytes come out, and the other way round. No sockets, so that the
// link's broker keeps its own reads and writes.
//   Promises  both sides prove themselves: without a certificate of the authority, or with one that is not valid now,
//             the handshake fails with a sentence; TLS 1.2 or newer; nothing plain is handed on before that
//   Beware    whose certificate it is, the caller checks: `names` against the node's announced name
// A context serves any number of streams and threads; a stream belongs to one thread.
#pragma once
#include "runtime/remoting/remoting.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;

namespace troupe::remoting {
class tls_context {
 public:
  // Reads and checks the three PEM files; an error names the file and what is wrong with it: missing, not PEM, a key
  // that is not the certificate's, a certificate that is not of the authority, expired, or not yet valid.
  static caf::expected<tls_context> make(const security& files);
  ssl_ctx_st* get() const { return context_.get(); }

 private:
  explicit tls_context(std::shared_ptr<ssl_ctx_st> context) : context_{std::move(context)} {}
  std::shared_ptr<ssl_ctx_st> context_;
};

class tls_stream {
 public:
  enum class role { dialer, acceptor };
  tls_stream(const tls_context& context, role side);
  tls_stream(tls_stream&&) noexcept;
  tls_stream& operator=(tls_stream&&) noexcept;
  ~tls_stream();

  // Takes bytes of the wire; what is plain now is appended to `plain`. The answer is a sentence where the stream is
  // broken for good: it must then be closed, after `take` has fetched the alert for the peer.
  std::optional<std::string> feed(std::span<const char> wire, std::vector<char>& plain);
  // Encrypts; only once established.
  std::optional<std::string> write(std::span<const char> plain);
  // Moves what is to be sent behind `wire`.
  void take(std::vector<char>& wire);

  bool established() const;
  // The names in the peer's certificate: DNS alternative names, or the common name where there are none.
  std::vector<std::string> names() const;
  // 32 bytes that only these two ends know (RFC 5705 exporter), to bind a further proof to this connection.
  std::vector<std::uint8_t> binding() const;

 private:
  std::optional<std::string> advance();
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
};
}  // namespace troupe::remoting
