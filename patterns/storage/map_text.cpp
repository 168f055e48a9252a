#include "patterns/storage/map_messages.hpp"
namespace troupe::storage {
std::string explain(refusal why) {
  switch (why) {
    case refusal::malformed:
      return "the command's bytes are none that this version knows: is the client newer?";
    case refusal::key_empty:
      return "a key must not be empty; all keys are the prefix \"\"";
    case refusal::key_too_long:
      return "a key is longer than the map allows: shorten it";
    case refusal::value_too_large:
      return "a value is larger than the map allows: store it elsewhere and put its place here";
    case refusal::txn_too_large:
      return "a transaction has more comparisons or operations than the map allows: split it";
    case refusal::duplicate_key:
      return "a transaction's branch changes one key twice: once is allowed";
    case refusal::not_in_txn:
      return "a transaction reads the map as it is: leave the revision of its reads out";
    case refusal::bad_compare:
      return "a key cannot be compared with itself: compare its value, version, revisions or lease";
    case refusal::lease_unknown:
      return "there is no such lease: it was revoked, has run out, or was never granted";
    case refusal::lease_exists:
      return "a lease of this id exists: choose another, or let the map choose";
    case refusal::lease_reserved:
      return "lease ids of 4294967296 and above are the map's to choose: take a smaller one, or 0";
    case refusal::lease_ambiguous:
      return "a put keeps the key's lease or names one, not both";
    case refusal::ttl_out_of_range:
      return "the lease's time to live is shorter or longer than the map allows";
    case refusal::too_many_leases:
      return "there are as many leases as the map allows: let one lease hold several keys";
    case refusal::stale_term:
      return "this revocation was another leader's: the present one counts anew";
    case refusal::compacted:
      return "this revision's history is forgotten: read the map as it is and go on from there";
    case refusal::future_revision:
      return "this revision does not exist yet";
    case refusal::no_space:
      return "the map holds as many bytes as it is allowed to: delete keys, or compact its history";
  }
  return "refused";
}
}  // namespace troupe::storage
