// Inside swim: what one step has brought so far.
#pragma once
#include "patterns/membership/swim.hpp"
namespace troupe::membership {
struct swim::work {
  instant now;
  output& out;
  changes c{};
  prober::actions a{};
};
}  // namespace troupe::membership
