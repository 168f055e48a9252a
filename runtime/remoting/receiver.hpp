// From a batch of records to messages in mailboxes; one belongs to the broker's thread, one to the inlet's.
//   Promises  message ids are rebuilt from kind, number and priority, never taken over; what cannot be read is an error to
//             its sender and harms nothing else; a batch that is no batch is told apart (the peer's fault)
#pragma once
#include "patterns/link/frame.hpp"
#include "patterns/link/record.hpp"
#include "runtime/remoting/content.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include <caf/fwd.hpp>

namespace troupe::remoting {
class receiver {
 public:
  explicit receiver(hub& home) : home_{home}, reader_{home} {}
  struct result {
    bool greeted = false;             // the peer has told its gateway
    caf::strong_actor_ptr gateway{};  // if it has one
    std::optional<link::record_problem> problem{};
  };
  result take(association& from, link::lane on, link::view batch);

 private:
  void on_record(association& from, link::lane on, const link::record& r, result& out);
  void on_message(association& from, link::lane on, const link::record& r);
  void on_node_word(association& from, const link::record& r, result& out);
  void on_down(association& from, link::lane on, const link::record& r);
  bool misplaced(const association& from, link::lane on, const link::record& r) const;
  bool forged(const link::record& r);
  void on_link(association& from, const link::record& r);
  void reject(association& from, const link::record& r, const caf::strong_actor_ptr& sender,
              caf::error why);
  caf::strong_actor_ptr source_of(association& from, const link::record& r);
  caf::strong_actor_ptr resolve(association& from, const link::handle& who);

  hub& home_;
  content_reader reader_;
};
}  // namespace troupe::remoting
