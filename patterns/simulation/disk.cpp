#include "patterns/simulation/disk.hpp"

#include <algorithm>
#include <utility>
namespace troupe::simulation {
std::uint64_t disk::append(std::string record) {
  const std::uint64_t checksum = digest_of(record);
  records_.push_back({std::move(record), checksum});
  return records_.size();
}

void disk::sync(std::uint64_t upto) {
  durable_ = std::max(durable_, std::min<std::uint64_t>(upto, records_.size()));
}

void disk::crash(generator& chance, bool tear) {
  const std::uint64_t kept = durable_ + chance.below(records_.size() - durable_ + 1);
  const bool torn = tear && kept < records_.size() && !records_[kept].bytes.empty();
  if (torn) {
    auto& last = records_[kept].bytes;
    last.resize(static_cast<std::size_t>(chance.below(last.size())));
  }
  records_.resize(static_cast<std::size_t>(kept) + (torn ? 1 : 0));
  durable_ = records_.size();  // what is there after a start is there to stay
}

bool disk::rot(generator& chance) {
  if (records_.empty()) return false;
  auto& bytes = records_[static_cast<std::size_t>(chance.below(records_.size()))].bytes;
  if (bytes.empty()) return false;
  auto& byte = bytes[static_cast<std::size_t>(chance.below(bytes.size()))];
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << chance.below(8)));
  return true;
}

void disk::truncate(std::uint64_t size) {
  if (size < records_.size()) records_.resize(static_cast<std::size_t>(size));
  durable_ = std::min<std::uint64_t>(durable_, records_.size());
}
}  // namespace troupe::simulation
