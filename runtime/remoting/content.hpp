// Message contents, reasons and handles between CAF and bytes, by the codec (runtime/codec/wire.hpp).
#pragma once
#include "patterns/link/bytes.hpp"
#include "runtime/codec/wire.hpp"

#include <cstdint>
#include <memory>
#include <vector>

#include <caf/actor_control_block.hpp>
#include <caf/error.hpp>
#include <caf/fwd.hpp>
#include <caf/proxy_registry.hpp>
#include <caf/scoped_execution_unit.hpp>

namespace troupe::remoting {
class hub;
class association;

// Appends `content` to `out`; `ours` gets the ids of our actors whose handles are in it.
caf::error save(hub& home, const caf::type_erased_tuple& content, link::buffer& out,
                std::vector<std::uint64_t>& ours);
caf::error too_large(std::size_t bytes, std::size_t most);
// A message that is the error alone, as responses have it.
link::buffer save_error_content(hub& home, const caf::error& what);
// Exit reasons and errors: an error of CAF's or ours keeps code and sentence, what else it carries becomes text.
link::buffer save_reason(hub& home, const caf::error& what);
caf::error load_reason(hub& home, link::view bytes);

// Reads messages of one peer at a time; belongs to the broker's thread.
class content_reader final : public caf::proxy_registry::backend {
 public:
  explicit content_reader(hub& home);
  ~content_reader() override;
  // `from` is the session it came by. The error says what could not be read; `weight` gets the bytes it holds here.
  caf::error load(association& from, link::view bytes, caf::message& content, std::size_t& weight);

 private:
  caf::strong_actor_ptr make_proxy(caf::node_id node, caf::actor_id id) override;
  void set_last_hop(caf::node_id*) override {}
  caf::node_id translate(const caf::node_id& node);

  hub& home_;
  caf::proxy_registry registry_;
  caf::scoped_execution_unit unit_;
  codec::node_hook hook_;
  association* from_ = nullptr;
  std::size_t handles_ = 0, strangers_ = 0;  // in the message that is being read
};
}  // namespace troupe::remoting
