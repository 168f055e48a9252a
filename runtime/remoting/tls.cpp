#include "runtime/remoting/tls.hpp"

#include "runtime/error.hpp"

#include <filesystem>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace troupe::remoting {
namespace {
// The first error of this thread's queue in words; the queue is empty after it.
std::string openssl_words() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const auto* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

caf::error refuse(std::string sentence) {
  return make_error(errc::invalid_argument, std::move(sentence));
}

// OpenSSL reports a missing file in terms of its own; say it plainly first.
std::optional<caf::error> readable(const char* what, const std::string& file) {
  const std::string named = std::string{"the "} + what + " '" + file + "'";
  if (file.empty())
    return refuse(std::string{"TLS needs a certificate, a key and an authority: the "} + what +
                  " is not set; `troupe certificates` makes all three");
  std::error_code failed;
  if (!std::filesystem::is_regular_file(file, failed))
    return refuse(named + " is not there: `troupe certificates` makes a set for a test cluster");
  return std::nullopt;
}

std::optional<caf::error> check_own_certificate(SSL_CTX* context, const security& files) {
  auto* own = SSL_CTX_get0_certificate(context);
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0)
    return refuse("the certificate '" + files.certificate + "' has expired: make a new one");
  if (X509_cmp_current_time(X509_get0_notBefore(own)) > 0)
    return refuse("the certificate '" + files.certificate +
                  "' is not valid yet: check this machine's clock");
  std::unique_ptr<X509_STORE_CTX, void (*)(X509_STORE_CTX*)> check{X509_STORE_CTX_new(),
                                                                   X509_STORE_CTX_free};
  if (!check ||
      X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(context), own, nullptr) != 1)
    return refuse("the certificate '" + files.certificate +
                  "' could not be checked: " + openssl_words());
  if (X509_verify_cert(check.get()) != 1)
    return refuse("the certificate '" + files.certificate + "' is not one of the authority '" +
                  files.authority +
                  "': " + X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get())));
  return std::nullopt;
}
}  // namespace

caf::expected<tls_context> tls_context::make(const security& files) {
  for (auto [what, file] : {std::pair{"certificate", &files.certificate},
                            std::pair{"key", &files.key}, std::pair{"authority", &files.authority}})
    if (auto failed = readable(what, *file)) return *failed;
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_method()), SSL_CTX_free};
  if (!context) return make_error(errc::failed, "OpenSSL gives no context: " + openssl_words());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1)
    return refuse("the certificate '" + files.certificate + "' cannot be used: " + openssl_words());
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1)
    return refuse("the key '" + files.key + "' cannot be used with the certificate '" +
                  files.certificate + "': " + openssl_words());
  if (SSL_CTX_load_verify_file(context.get(), files.authority.c_str()) != 1)
    return refuse("the authority '" + files.authority + "' cannot be used: " + openssl_words());
  if (auto failed = check_own_certificate(context.get(), files)) return *failed;
  return tls_context{std::move(context)};
}

tls_stream::tls_stream(const tls_context& context, role side)
    : ssl_{SSL_new(context.get()), SSL_free} {
  if (!ssl_) throw std::bad_alloc{};
  auto* in = BIO_new(BIO_s_mem());
  auto* out = BIO_new(BIO_s_mem());
  if (in == nullptr || out == nullptr) throw std::bad_alloc{};
  SSL_set_bio(ssl_.get(), in, out);  // the stream owns both now
  if (side == role::dialer) {
    SSL_set_connect_state(ssl_.get());
    static_cast<void>(advance());  // writes the first flight
  } else {
    SSL_set_accept_state(ssl_.get());
  }
}
tls_stream::tls_stream(tls_stream&&) noexcept = default;
tls_stream& tls_stream::operator=(tls_stream&&) noexcept = default;
tls_stream::~tls_stream() = default;

bool tls_stream::established() const { return SSL_is_init_finished(ssl_.get()) == 1; }

std::optional<std::string> tls_stream::advance() {
  if (established()) return std::nullopt;
  ERR_clear_error();
  const auto done = SSL_do_handshake(ssl_.get());
  if (done == 1) return std::nullopt;
  const auto why = SSL_get_error(ssl_.get(), done);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return std::nullopt;
  const auto verdict = SSL_get_verify_result(ssl_.get());
  if (verdict != X509_V_OK) {
    ERR_clear_error();
    return std::string{"the peer's certificate is refused: "} +
           X509_verify_cert_error_string(verdict);
  }
  return "the TLS handshake failed: " + openssl_words();
}

std::optional<std::string> tls_stream::feed(std::span<const char> wire, std::vector<char>& plain) {
  if (!wire.empty() && BIO_write(SSL_get_rbio(ssl_.get()), wire.data(),
                                 static_cast<int>(wire.size())) != static_cast<int>(wire.size()))
    return "out of memory for TLS";
  if (auto failed = advance()) return failed;
  while (established()) {
    const auto at = plain.size();
    constexpr std::size_t record = 16 * 1024;  // the largest that TLS has
    plain.resize(at + record);
    std::size_t got = 0;
    ERR_clear_error();
    const auto ok = SSL_read_ex(ssl_.get(), plain.data() + at, record, &got);
    plain.resize(at + got);
    if (ok == 1) continue;
    const auto why = SSL_get_error(ssl_.get(), ok);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return std::nullopt;
    if (why == SSL_ERROR_ZERO_RETURN) return "the peer has closed the TLS connection";
    // with TLS 1.3 a refused client certificate shows only now, as the peer's alert
    return "TLS broke: " + openssl_words();
  }
  return std::nullopt;
}

std::optional<std::string> tls_stream::write(std::span<const char> plain) {
  if (plain.empty()) return std::nullopt;
  std::size_t written = 0;
  ERR_clear_error();
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) != 1 ||
      written != plain.size())
    return "TLS cannot encrypt: " + openssl_words();
  return std::nullopt;
}

void tls_stream::take(std::vector<char>& wire) {
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &bytes);
  if (size <= 0) return;
  wire.insert(wire.end(), bytes, bytes + size);
  static_cast<void>(BIO_reset(SSL_get_wbio(ssl_.get())));
}

std::vector<std::string> tls_stream::names() const {
  std::vector<std::string> found;
  auto* peer = SSL_get0_peer_certificate(ssl_.get());
  if (peer == nullptr) return found;
  std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> alternatives{
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(peer, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free};
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type != GEN_DNS) continue;
    const auto* text = ASN1_STRING_get0_data(name->d.dNSName);
    found.emplace_back(reinterpret_cast<const char*>(text),
                       static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  if (!found.empty()) return found;
  const auto* subject = X509_get_subject_name(peer);
  const auto at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return found;
  const auto* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  found.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<std::size_t>(ASN1_STRING_length(text)));
  return found;
}

std::vector<std::uint8_t> tls_stream::binding() const {
  static constexpr std::string_view label = "EXPORTER-troupe-link";
  std::vector<std::uint8_t> bytes(32);
  if (SSL_export_keying_material(ssl_.get(), bytes.data(), bytes.size(), label.data(), label.size(),
                                 nullptr, 0, 0) != 1) {
    ERR_clear_error();
    bytes.clear();
  }
  return bytes;
}
}  // namespace troupe::remoting
