#include "runtime/remoting/certificates.hpp"

#include "runtime/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::remoting {
namespace {
using key_ptr = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using certificate_ptr = std::unique_ptr<X509, void (*)(X509*)>;
using bio_ptr = std::unique_ptr<BIO, int (*)(BIO*)>;

caf::error broken(const std::string& what) {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const auto* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return make_error(errc::failed, what + (reason != nullptr ? std::string{": "} + reason : ""));
}

bool add_extension(X509* subject, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, subject, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension{
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), X509_EXTENSION_free};
  return extension && X509_add_ext(subject, extension.get(), -1) == 1;
}

struct issuer {
  X509* certificate = nullptr;  // null: signs itself
  EVP_PKEY* key = nullptr;
};

certificate_ptr make_certificate(const std::string& name, EVP_PKEY* own, issuer by,
                                 std::chrono::hours valid_for) {
  certificate_ptr none{nullptr, X509_free};
  certificate_ptr made{X509_new(), X509_free};
  std::uint64_t serial = 0;
  if (!made || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1)
    return none;
  const auto seconds = std::chrono::seconds{valid_for}.count();
  const bool authority = by.certificate == nullptr;
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial >> 1);
  // a little into the past, for machines whose clocks differ; one that has expired was valid before that
  X509_gmtime_adj(X509_getm_notBefore(made.get()), std::min<long>(-300, seconds - 3600));
  X509_gmtime_adj(X509_getm_notAfter(made.get()), seconds);
  X509_set_pubkey(made.get(), own);
  auto* subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  auto* issued_by = authority ? made.get() : by.certificate;
  X509_set_issuer_name(made.get(), X509_get_subject_name(issued_by));
  const bool extended =
      authority
          ? add_extension(made.get(), issued_by, NID_basic_constraints,
                          "critical,CA:TRUE,pathlen:0") &&
                add_extension(made.get(), issued_by, NID_key_usage, "critical,keyCertSign,cRLSign")
          : add_extension(made.get(), issued_by, NID_basic_constraints, "critical,CA:FALSE") &&
                add_extension(made.get(), issued_by, NID_key_usage, "critical,digitalSignature") &&
                add_extension(made.get(), issued_by, NID_ext_key_usage, "serverAuth,clientAuth") &&
                add_extension(made.get(), issued_by, NID_subject_alt_name, "DNS:" + name);
  if (!extended || X509_sign(made.get(), authority ? own : by.key, EVP_sha256()) == 0) return none;
  return made;
}

// Writes a whole new file or nothing; never over one that is there.
std::optional<caf::error> write_file(const std::string& path, mode_t mode, BIO* content) {
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(content, &bytes);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0)
    return make_error(errc::failed, "cannot write '" + path + "': " + std::strerror(errno));
  const bool whole =
      ::write(file, bytes, static_cast<std::size_t>(size)) == size && ::fsync(file) == 0;
  ::close(file);
  if (whole) return std::nullopt;
  ::unlink(path.c_str());
  return make_error(errc::failed, "cannot write '" + path + "': the disk is full or broken");
}

std::optional<caf::error> write_pair(const std::string& stem, X509* certificate, EVP_PKEY* key) {
  bio_ptr text{BIO_new(BIO_s_mem()), BIO_free};
  if (PEM_write_bio_PrivateKey(text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return broken("cannot encode a key");
  if (auto failed = write_file(stem + "-key.pem", 0600, text.get())) return failed;
  bio_ptr open{BIO_new(BIO_s_mem()), BIO_free};
  if (PEM_write_bio_X509(open.get(), certificate) != 1)
    return broken("cannot encode a certificate");
  return write_file(stem + ".pem", 0644, open.get());
}

bool good_name(const std::string& name) {
  return !name.empty() && name.size() <= 63 &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             std::string::npos &&
         name.front() != '.' && name != "authority";
}

struct authority {
  certificate_ptr certificate{nullptr, X509_free};
  key_ptr key{nullptr, EVP_PKEY_free};
};

caf::expected<authority> load_authority(const std::string& stem) {
  authority a;
  bio_ptr open{BIO_new_file((stem + ".pem").c_str(), "r"), BIO_free};
  if (open) a.certificate.reset(PEM_read_bio_X509(open.get(), nullptr, nullptr, nullptr));
  bio_ptr text{BIO_new_file((stem + "-key.pem").c_str(), "r"), BIO_free};
  if (text) a.key.reset(PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr));
  if (!a.certificate || !a.key)
    return broken("the authority '" + stem + ".pem' is there but it or its key cannot be read");
  if (X509_check_private_key(a.certificate.get(), a.key.get()) != 1)
    return broken("'" + stem + "-key.pem' is not the key of '" + stem + ".pem'");
  return a;
}

caf::expected<authority> make_authority(const std::string& stem, std::chrono::hours valid_for) {
  authority a;
  a.key.reset(EVP_EC_gen("P-256"));
  if (!a.key) return broken("OpenSSL makes no key");
  a.certificate = make_certificate("troupe test authority", a.key.get(), {},
                                   std::max(valid_for, std::chrono::hours{24}));
  if (!a.certificate) return broken("OpenSSL makes no certificate");
  if (auto failed = write_pair(stem, a.certificate.get(), a.key.get())) return *failed;
  return a;
}
}  // namespace

caf::expected<std::vector<certificate_files>> make_certificates(
    const std::string& directory, const std::vector<std::string>& names,
    std::chrono::hours valid_for) {
  for (const auto& name : names)
    if (!good_name(name))
      return make_error(
          errc::invalid_argument,
          "'" + name + "' cannot be a node's name: letters, digits, '.', '_' and '-', at most 63");
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed)
    return make_error(errc::failed,
                      "cannot make the directory '" + directory + "': " + failed.message());
  const auto stem = directory + "/authority";
  auto ca = std::filesystem::exists(stem + ".pem") ? load_authority(stem)
                                                   : make_authority(stem, valid_for);
  if (!ca) return ca.error();
  std::vector<certificate_files> made;
  for (const auto& name : names) {
    const auto own = directory + "/" + name;
    if (std::filesystem::exists(own + ".pem") || std::filesystem::exists(own + "-key.pem"))
      return make_error(
          errc::already_exists,
          "'" + own + ".pem' or its key is there already: remove both to have new ones");
    key_ptr key{EVP_EC_gen("P-256"), EVP_PKEY_free};
    if (!key) return broken("OpenSSL makes no key");
    auto certificate =
        make_certificate(name, key.get(), {ca->certificate.get(), ca->key.get()}, valid_for);
    if (!certificate) return broken("OpenSSL makes no certificate for '" + name + "'");
    if (auto error = write_pair(own, certificate.get(), key.get())) return *error;
    made.push_back({name, {"", own + ".pem", own + "-key.pem", stem + ".pem"}});
  }
  return made;
}
}  // namespace troupe::remoting
