#include "runtime/remoting/content.hpp"

#include "runtime/error.hpp"
#include "runtime/remoting/association.hpp"
#include "runtime/remoting/hub.hpp"
#include "runtime/remoting/identity.hpp"

#include <caf/actor_system.hpp>
#include <caf/message.hpp>

namespace troupe::remoting {
namespace {
constexpr std::size_t handle_bytes = 512,
                      stranger_bytes = 4096;  // what a proxy costs, and a session that is none yet
constexpr std::size_t strangers_max = 64;     // handles of nodes that nobody knows, in one message

codec::limits bounds_of(const hub& home) {
  codec::limits bounds;
  bounds.depth = static_cast<std::uint32_t>(home.config().bounds.depth_max);
  return bounds;
}
}  // namespace

caf::error save(hub& home, const caf::type_erased_tuple& content, link::buffer& out,
                std::vector<std::uint64_t>& ours) {
  const auto start = out.size();
  // CAF's registry keeps what is written; one of ours can still be swept from it in between, then once more
  for (int attempt = 0;; ++attempt) {
    codec::wire_writer writer{&home.unit(), &home.types(), out, bounds_of(home)};
    writer.note_handles(&ours, own_process);
    if (content.size() == 0) {
      writer.put_natural(0);
    } else if (auto failed = codec::save_content(writer, content)) {
      return failed;
    }
    bool found = true;
    for (const auto id : ours) found = found && home.registered(id);
    if (found || attempt == 3) break;
    out.resize(start);
    ours.clear();
  }
  return caf::none;
}

caf::error too_large(std::size_t bytes, std::size_t most) {
  return make_error(errc::invalid_argument,
                    "the message has " + std::to_string(bytes) + " bytes, more than the " +
                        std::to_string(most) +
                        " a link carries at once: send it in parts, or by a channel");
}

link::buffer save_error_content(hub& home, const caf::error& what) {
  link::buffer out;
  codec::wire_writer writer{&home.unit(), &home.types(), out};
  codec::save_content(writer, caf::make_message(what));
  return out;
}

link::buffer save_reason(hub& home, const caf::error& what) {
  const auto& context = what.context();
  const bool plain = !what || context.empty() || context.match_elements<std::string>();
  link::buffer out;
  codec::wire_writer writer{&home.unit(), &home.types(), out};
  if (plain) {
    writer.put_error(what);
  } else {
    writer.put_error(
        caf::error{what.code(), what.category(), caf::make_message(to_string(context))});
  }
  return out;
}

caf::error load_reason(hub& home, link::view bytes) {
  codec::wire_reader reader{&home.unit(),
                            &home.types(),
                            bytes.data(),
                            bytes.size(),
                            {.nodes = nullptr, .bounds = bounds_of(home)}};
  caf::error result;
  return reader.get_error(result) ? result
                                  : make_error(errc::corrupted, "the reason could not be read");
}

content_reader::content_reader(hub& home)
    : home_{home},
      registry_{home.system(), *this},
      unit_{&home.system()},
      hook_{[this](const caf::node_id& node) { return translate(node); }} {
  unit_.proxy_registry_ptr(&registry_);
}
content_reader::~content_reader() = default;

// Each handle is asked for anew, so that it is counted: CAF's registry must not remember the last one.
caf::node_id content_reader::translate(const caf::node_id& node) {
  registry_.clear();
  const auto life = link_incarnation(node);
  return life == home_.life() ? home_.node() : node_of(life);
}

caf::strong_actor_ptr content_reader::make_proxy(caf::node_id node, caf::actor_id id) {
  const auto life = link_incarnation(node);
  if (!life || id == 0) return nullptr;
  ++handles_;
  if (life == from_->peer()) return from_->import(id, true);
  if (strangers_ >= strangers_max && !home_.find(life)) return nullptr;
  const auto way = home_.reach(life);
  strangers_ += way->waits() || way->closed() ? 1 : 0;
  return way->import_from_third(id);
}

caf::error content_reader::load(association& from, link::view bytes, caf::message& content,
                                std::size_t& weight) {
  from_ = &from;
  handles_ = strangers_ = 0;
  codec::wire_reader reader{&unit_,
                            &home_.types(),
                            bytes.data(),
                            bytes.size(),
                            {.nodes = &hook_, .bounds = bounds_of(home_)}};
  caf::error failed;
  try {  // an inspect function of a user's, or memory that is not there
    failed = codec::load_content(reader, content);
  } catch (const std::exception& e) {
    content.reset();
    failed = make_error(errc::corrupted, std::string{"the message could not be read: "} + e.what());
  }
  weight = static_cast<std::size_t>(reader.memory()) + handles_ * handle_bytes +
           strangers_ * stranger_bytes;
  registry_.clear();
  return failed;
}
}  // namespace troupe::remoting
