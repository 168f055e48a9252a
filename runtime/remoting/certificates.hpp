// Certificates for a test cluster: one authority, and one certificate with its key for each node.
//   Promises  P-256 keys from OpenSSL's generator, key files readable by their owner alone; what is there already is
//             not overwritten: the authority is used again, so that nodes can be added later
//   Beware    the authority's key lies beside the rest: for a production cluster use an authority that is kept apart
#pragma once
#include "runtime/remoting/remoting.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace troupe::remoting {
struct certificate_files {
  std::string name;
  security files;  // certificate, key and authority; no secret
};

// Writes authority.pem, authority-key.pem, and NAME.pem, NAME-key.pem for each name into `directory`, which is made
// where it does not exist. Names are those of nodes: letters, digits, '.', '_' and '-', at most 63.
// A negative `valid_for` makes certificates that have expired already, for tests.
caf::expected<std::vector<certificate_files>> make_certificates(
    const std::string& directory, const std::vector<std::string>& names,
    std::chrono::hours valid_for = std::chrono::hours{24 * 365});
}  // namespace troupe::remoting
