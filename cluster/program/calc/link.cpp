// The link's checksum and frames.
#include "cluster/program/calc/calc.hpp"
#include "patterns/link/crc32c.hpp"
#include "patterns/link/frame.hpp"

#include <algorithm>
#include <array>

namespace troupe::program::calc {
namespace {
using link::frame_kind, link::lane;
constexpr std::array kinds{
    std::pair{"challenge", frame_kind::challenge},
    std::pair{"hello", frame_kind::hello},
    std::pair{"go", frame_kind::go},
    std::pair{"welcome", frame_kind::welcome},
    std::pair{"refuse", frame_kind::refuse},
    std::pair{"data", frame_kind::data},
    std::pair{"ack", frame_kind::ack},
    std::pair{"credit", frame_kind::credit},
    std::pair{"bye", frame_kind::bye},
};
constexpr std::array lanes{"control", "urgent", "normal", "bulk"};  // link::lane's order

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const auto& [name, kind] : kinds) names.emplace_back(name);
  return names;
}

bool has_lane(frame_kind k) { return k == frame_kind::data || k == frame_kind::credit; }

answer run_encode(const json& in) {
  const auto name = in.at("kind").get<std::string>();
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) {
                      return k.first == name;
                    })->second;
  const auto lane_name = in.at("lane").get<std::string>();
  const bool more = in.at("more");
  std::uint8_t flags = 0;
  if (has_lane(kind))
    flags =
        static_cast<std::uint8_t>(std::find(lanes.begin(), lanes.end(), lane_name) - lanes.begin());
  else if (lane_name != lanes.front())
    return unexpected{"a frame of kind " + name + " has no lane"};
  if (more && kind != frame_kind::data) return unexpected{"only data can have 'more' to follow"};
  if (more) flags |= link::more_bit;
  const auto body = bytes_of_hex(in.at("body").get<std::string>());
  link::buffer out;
  link::put_frame(out, kind, flags, {body.data(), body.size()});
  return json{{"hex", hex_of_bytes({out.data(), out.size()})}};
}

answer run_decode(const json& in) {
  const auto bytes = bytes_of_hex(in.at("hex").get<std::string>());
  link::frame_reader reader{in.at("body_max").get<std::size_t>()};
  reader.feed({bytes.data(), bytes.size()});
  json out{{"frames", json::array()}};
  while (const auto f = reader.next()) {
    const auto kind = std::find_if(kinds.begin(), kinds.end(),
                                   [&](const auto& k) { return k.second == f->kind; });
    json one{{"kind", kind->first}, {"body", hex_of_bytes({f->body.data(), f->body.size()})}};
    if (has_lane(f->kind)) one["lane"] = lanes[f->flags & link::lane_bits];
    if (f->kind == frame_kind::data) one["more"] = (f->flags & link::more_bit) != 0;
    out["frames"].push_back(std::move(one));
  }
  out["unfinished"] = reader.pending() + reader.rest().size();
  out["problem"] = reader.problem() ? json(std::string{sentence(*reader.problem())}) : json();
  return out;
}
}  // namespace

std::vector<calculation> of_link() {
  return {
      {"crc32c",
       "CRC-32C of a text or of bytes",
       "G. Castagnoli et al., IEEE Trans. Communications 41(6), 1993; RFC 3720, B.4; "
       "patterns/link/crc32c.hpp",
       {{"text", type::text, "what is summed", ""}, {"hex", type::hex, "bytes after it", ""}},
       "crc, as 8 hexadecimal digits",
       R"({"text":"123456789"})",
       [](const json& in) -> answer {
         const auto bytes =
             in.at("text").get<std::string>() + bytes_of_hex(in.at("hex").get<std::string>());
         return json{{"crc", hex_of_number(crc32c(bytes), 8)}};
       }},
      {"frame-encode",
       "a frame of the link as bytes",
       "patterns/link/frame.hpp",
       {{"kind", type::text, "of the frame", {}, kind_names()},
        {"body", type::hex, "of the frame", ""},
        {"lane", type::text, "of data and credit", "control", {lanes.begin(), lanes.end()}},
        {"more", type::truth, "of this batch follows; of data", false}},
       "hex",
       R"({"kind":"data","lane":"bulk","body":"0100000000000000ff"})",
       run_encode},
      {"frame-decode",
       "the link's frames in some bytes",
       "patterns/link/frame.hpp",
       {{"hex", type::hex, "the bytes"},
        {"body_max", type::count, "longer bodies are a problem", 16 << 20}},
       "frames: kind, body, lane, more; unfinished: bytes of one that is not whole; problem: or "
       "null",
       R"({"hex":"0b00000010030100000000000000ff"})",
       run_decode},
  };
}
}  // namespace troupe::program::calc
