// troupe certificates: an authority and a certificate for each node, for a cluster of one's own.
#include "runtime/remoting/certificates.hpp"

#include "cluster/program/command.hpp"

#include <iostream>

namespace troupe::program {
namespace {
struct options {
  std::vector<std::string> names;
  std::string directory;
  int days = 365;
};

exit_code certificates(const options& given) {
  const auto made = remoting::make_certificates(given.directory, given.names,
                                                std::chrono::hours{24} * given.days);
  if (!made) return fail(exit_code::not_done, sentence_of(made.error()));
  for (const auto& [name, files] : *made)
    std::cout << name << "  --security.certificate " << files.certificate << " --security.key "
              << files.key << " --security.authority " << files.authority << '\n';
  std::cerr << "The authority's key lies beside them: whoever has it can make more. Use an "
               "authority that is kept "
               "apart for anything but tests.\n";
  return exit_code::done;
}
}  // namespace

void add_certificates(verbs& all) {
  CLI::App* verb = nullptr;
  auto given =
      add_verb<options>(all, "certificates", "Make certificates for the nodes of a test cluster",
                        &certificates, verb);
  verb->footer(
      "Makes DIR/authority.pem once, and DIR/NAME.pem with DIR/NAME-key.pem for each name; what is "
      "there is kept.\n"
      "A client needs one too:\n"
      "  troupe certificates --dir tls n1 n2 me\n"
      "  troupe node --name n1 --listen HOST:PORT --security.certificate tls/n1.pem --security.key "
      "tls/n1-key.pem --security.authority tls/authority.pem\n"
      "  troupe members --at HOST:PORT --certificate tls/me.pem --key tls/me-key.pem --authority "
      "tls/authority.pem");
  verb->add_option("NAME", given->names, "the nodes' names")->required()->type_name("");
  verb->add_option("--dir", given->directory, "where they go")->required()->type_name("DIR");
  verb->add_option("--days", given->days, "how long they are valid")
      ->type_name("N [365]")
      ->check(CLI::Range(1, 36500));
}
}  // namespace troupe::program
