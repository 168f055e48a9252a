// Zab's fast leader election behind elector.hpp: for its own sake, without a history, so that the highest member's vote is
// the best.
#pragma once
#include "patterns/election/elector.hpp"
namespace troupe::election {
std::unique_ptr<elector> make_zab_elector(const setting& how, std::string_view persisted,
                                          instant now, elector_output& out);
}
