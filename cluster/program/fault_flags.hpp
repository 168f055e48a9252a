// Faults as flags of `troupe simulate`: --loss 5%, --crash a@5s+10s, --cut a:b@1s, --skew c=-2%.
//   [WHO=]AMOUNT[@AT][+LENGTH]   loss, duplicate, delay, skew, slow-disk
//   WHO[@AT][+LENGTH]            all others
// WHO is members by their letters, a,b or all; of what happens on links, FROM:TO. Without @AT it begins at
// once, without +LENGTH it lasts to the end of the faults; a crash of length 0s is for good.
#pragma once
#include "patterns/simulation/fault.hpp"

#include <string>
#include <string_view>
#include <vector>
namespace troupe::program {
struct fault_flag {
  std::string_view names;  // as CLI11 takes them: "--freeze,--pause"
  simulation::fault_kind kind;
  std::string_view form;
  std::string_view help;
  std::string name() const { return std::string{names.substr(0, names.find(','))}; }
};
const std::vector<fault_flag>& fault_flags();

// A sentence that names the flag, where the text is none.
result<simulation::fault, std::string> fault_from_flag(const fault_flag& flag,
                                                       std::string_view text,
                                                       const simulation::plan& of);
}  // namespace troupe::program
