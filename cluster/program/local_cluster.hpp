// Clusters that `troupe up` starts on this machine: what it writes down about one in its directory, and the register
// by which the other verbs find it without being told.
//   DIR/cluster.json   its name and nodes: process, address, log; replaced whole, by rename
//   DIR/secret         what its nodes prove to each other, for the owner's eyes only
//   DIR/NODE.log, DIR/NODE/   a node's log and its data; DIR/NODE.events its events, with `up --events`
//   BASE/clusters/     one file for each running cluster that holds its directory's path; BASE is
//                      $XDG_RUNTIME_DIR/troupe-UID, or /tmp/troupe-UID where that is unset
#pragma once
#include "cluster/program/process.hpp"
#include "patterns/result.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace troupe::program {
struct local_node {
  std::string name;
  process runs;
  std::string address;  // HOST:PORT as bound; empty until the node has published it
};

struct local_cluster {
  std::filesystem::path directory;
  std::string name;
  std::vector<local_node> nodes;

  std::filesystem::path secret() const { return directory / "secret"; }
  std::filesystem::path log_of(const std::string& node) const {
    return directory / (node + ".log");
  }
  std::filesystem::path data_of(const std::string& node) const { return directory / node; }
  std::filesystem::path address_of(const std::string& node) const {
    return directory / (node + ".address");
  }
  std::filesystem::path events_of(const std::string& node) const {
    return directory / (node + ".events");
  }
  std::vector<local_node> living() const;
};

// The directory under which this user's clusters are registered and kept where --dir is not given. Refused where
// somebody else could write to it.
result<std::filesystem::path, std::string> base_directory();

result<void, std::string> save(const local_cluster& cluster);
// Nothing where the directory holds no cluster.
std::optional<local_cluster> load(const std::filesystem::path& directory);

result<void, std::string> enter_register(const local_cluster& cluster);
void leave_register(const std::filesystem::path& directory);

// The registered clusters of which a node still runs. Entries of others are removed, but for those whose directory
// somebody works on: a cluster that starts is registered before it has written anything down.
std::vector<local_cluster> running_clusters();

// The cluster that a verb means: the one in `directory`, or the only one that runs. The error says what there is.
result<local_cluster, std::string> the_cluster(const std::filesystem::path& directory);

// Removes what `up` made: everything but logs and events, and these too where `all`.
void remove_files(const local_cluster& cluster, bool all);

// Holds DIR/lock for as long as it lives, so that two verbs do not change one cluster at once.
class directory_lock {
 public:
  static std::optional<directory_lock> take(const std::filesystem::path& directory);
  directory_lock(directory_lock&& other) noexcept : fd_{other.fd_} { other.fd_ = -1; }
  directory_lock& operator=(directory_lock&&) = delete;
  ~directory_lock();

 private:
  explicit directory_lock(int fd) : fd_{fd} {}
  int fd_ = -1;
};
}  // namespace troupe::program
