// The numbers a member runs on. The defaults: of 5 members, one that is killed is unreachable for
// all in under 2 s and down in under 5.
#pragma once
#include "patterns/membership/downing.hpp"
namespace troupe::membership {
struct options {
  std::string cluster_name = "troupe";
  // probing: SWIM's protocol period, and its two halves
  duration probe_interval = std::chrono::milliseconds{500};
  duration probe_timeout =
      std::chrono::milliseconds{200};  // direct; then as long again through others
  unsigned indirect_probes = 3;        // SWIM's k
  unsigned health_max = 4;             // Lifeguard's S
  duration unreachable_interval =
      std::chrono::seconds{1};                       // one who is unreachable is asked so often
  duration cut_off_after = std::chrono::seconds{6};  // reached through others alone for so long
  // suspicion: Lifeguard's alpha and beta as times
  duration suspicion_min = std::chrono::milliseconds{1500};
  duration suspicion_max = std::chrono::seconds{6};
  unsigned confirmations = 3;  // Lifeguard's K
  // gossip
  duration gossip_interval = std::chrono::milliseconds{200};
  unsigned gossip_fanout = 3;
  unsigned gossip_factor = 3;  // SWIM's lambda: a piece of news is sent lambda * log2(n + 1) times
  std::size_t gossip_batch = 8;  // news in one message
  duration sync_interval = std::chrono::seconds{30};
  // a step that comes later than this after the time that was asked for: the fault is mine
  duration late_slack = std::chrono::milliseconds{150};
  duration pause_max = std::chrono::minutes{30};  // frozen for longer: who knows what was forgotten
  // lifecycle
  duration leaving_for = std::chrono::milliseconds{500};  // time for others to take over
  duration exiting_for = std::chrono::milliseconds{300};
  duration exit_within = std::chrono::seconds{5};  // then it goes without anybody's word
  duration down_for = std::chrono::seconds{5};     // listed as down before it is removed
  duration tombstone_for = std::chrono::hours{1};  // longer than pause_max
  std::size_t tombstones_max = 1024;
  // the level of suspicion that is shown, and asks for a probe out of turn; never a verdict
  enum class detection : std::uint8_t { phi_accrual, deadline };
  detection detector = detection::phi_accrual;
  double phi_threshold = 8;
  unsigned deadline_rounds = 4;  // of probing everybody once
  // the first start
  duration join_interval = std::chrono::milliseconds{250};
  duration form_after = std::chrono::seconds{3};  // the first seed, if no other seed answers
  duration reform_after =
      std::chrono::seconds{60};  // a rebuilt node, if not all of the old members answer
  resolver_options resolving{};
  duration lease_held_for = std::chrono::seconds{40};  // lease-majority: then it frees itself
};
// A sentence on the first value that makes no sense; empty: all do.
std::string complaint(const options& o);
}  // namespace troupe::membership
