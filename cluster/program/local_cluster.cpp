#include "cluster/program/local_cluster.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <system_error>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::program {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {
std::string boot() {  // process numbers and start times begin anew with the machine
  std::ifstream file{"/proc/sys/kernel/random/boot_id"};
  std::string id;
  std::getline(file, id);
  return id;
}

result<void, std::string> replace_file(const fs::path& file, const std::string& text) {
  const fs::path fresh = file.string() + ".new";
  std::ofstream out{fresh, std::ios::trunc};
  out << text;
  out.close();
  std::error_code failed;
  if (out) fs::rename(fresh, file, failed);
  if (!out || failed)
    return unexpected{"cannot write " + file.string() + ": " + std::strerror(errno)};
  return {};
}

fs::path base_path() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const fs::path parent = runtime && *runtime ? runtime : "/tmp";
  return parent / ("troupe-" + std::to_string(::getuid()));
}

// Whether nothing will come of the cluster in this directory: no node runs, and nobody is starting one.
bool stale(const fs::path& directory) {
  std::error_code ignored;
  if (!fs::exists(directory / "lock", ignored)) return true;
  const auto lock = directory_lock::take(directory);
  if (!lock) return false;
  const auto cluster = load(directory);
  return !cluster || cluster->living().empty();
}

fs::path entry_of(const fs::path& base, const fs::path& directory) {
  return base / "clusters" / std::to_string(std::hash<std::string>{}(directory.string()));
}
}  // namespace

std::vector<local_node> local_cluster::living() const {
  std::vector<local_node> found;
  std::copy_if(nodes.begin(), nodes.end(), std::back_inserter(found),
               [](const local_node& n) { return alive(n.runs); });
  return found;
}

result<fs::path, std::string> base_directory() {
  const fs::path base = base_path();
  if (::mkdir(base.c_str(), 0700) != 0 && errno != EEXIST)
    return unexpected{"cannot make the directory " + base.string() + ": " + std::strerror(errno) +
                      "; set XDG_RUNTIME_DIR to a directory of yours"};
  struct stat status {};
  if (::lstat(base.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      status.st_uid != ::getuid() || (status.st_mode & 022) != 0)
    return unexpected{base.string() +
                      " does not belong to you alone: remove it, or set XDG_RUNTIME_DIR to a "
                      "directory of yours"};
  return base;
}

result<void, std::string> save(const local_cluster& cluster) {
  json nodes = json::array();
  for (const auto& n : cluster.nodes)
    nodes.push_back({{"name", n.name},
                     {"pid", n.runs.pid},
                     {"started", n.runs.started},
                     {"address", n.address}});
  const json all{{"cluster", cluster.name}, {"boot", boot()}, {"nodes", nodes}};
  return replace_file(cluster.directory / "cluster.json", all.dump(2) + "\n");
}

std::optional<local_cluster> load(const fs::path& directory) {
  std::ifstream file{directory / "cluster.json"};
  const auto all = json::parse(file, nullptr, false);
  if (!all.is_object()) return std::nullopt;
  local_cluster found{fs::absolute(directory), {}, {}};
  try {
    found.name = all.at("cluster").get<std::string>();
    const bool same_boot = all.at("boot").get<std::string>() == boot();
    for (const auto& n : all.at("nodes")) {
      process runs{n.at("pid").get<pid_t>(), n.at("started").get<std::uint64_t>()};
      if (!same_boot) runs = {};
      found.nodes.push_back(
          {n.at("name").get<std::string>(), runs, n.at("address").get<std::string>()});
    }
  } catch (const json::exception&) {
    return std::nullopt;  // not written by us
  }
  return found;
}

result<void, std::string> enter_register(const local_cluster& cluster) {
  const auto base = base_directory();
  if (!base) return unexpected{base.error()};
  // Another cluster's end may remove the directory under our hands while it is empty.
  for (int tries = 0;; ++tries) {
    std::error_code failed;
    fs::create_directories(*base / "clusters", failed);
    auto done = replace_file(entry_of(*base, cluster.directory), cluster.directory.string());
    if (done || tries == 10) return done;
  }
}

void leave_register(const fs::path& directory) {
  const auto base = base_directory();
  if (!base) return;
  std::error_code ignored;
  fs::remove(entry_of(*base, directory), ignored);
  fs::remove(*base / "clusters", ignored);  // both only where nothing is left in them
  fs::remove(*base, ignored);
}

std::vector<local_cluster> running_clusters() {
  std::vector<local_cluster> found;
  std::error_code failed;  // where there is no register there is no cluster
  if (!fs::exists(base_path() / "clusters", failed) || !base_directory()) return found;
  std::vector<fs::path> forgotten;
  for (const auto& entry : fs::directory_iterator{base_path() / "clusters", failed}) {
    std::ifstream file{entry.path()};
    const std::string directory{std::istreambuf_iterator<char>{file}, {}};
    auto cluster = load(directory);
    if (cluster && !cluster->living().empty())
      found.push_back(std::move(*cluster));
    else if (entry.path().extension() != ".new" && stale(directory))
      forgotten.push_back(entry.path());
  }
  for (const auto& entry : forgotten) fs::remove(entry, failed);
  std::sort(found.begin(), found.end(), [](const local_cluster& a, const local_cluster& b) {
    return a.directory < b.directory;
  });
  return found;
}

result<local_cluster, std::string> the_cluster(const fs::path& directory) {
  if (!directory.empty()) {
    auto cluster = load(directory);
    if (!cluster)
      return unexpected{"there is no cluster in " + directory.string() + ": `troupe up --dir " +
                        directory.string() + "` starts one"};
    return std::move(*cluster);
  }
  auto all = running_clusters();
  if (all.empty())
    return unexpected<std::string>{
        "no local cluster runs: start one with `troupe up --nodes 3`, or name a node with --at "
        "HOST:PORT"};
  if (all.size() == 1) return std::move(all.front());
  std::string listed;
  for (const auto& cluster : all) listed += "\n  --dir " + cluster.directory.string();
  return unexpected{std::to_string(all.size()) +
                    " local clusters run: name a node with --at HOST:PORT, or one of these "
                    "directories:" +
                    listed};
}

void remove_files(const local_cluster& cluster, bool all) {
  std::error_code ignored;
  for (const auto& n : cluster.nodes) {
    fs::remove_all(cluster.data_of(n.name), ignored);
    fs::remove(cluster.address_of(n.name), ignored);
    if (!all) continue;
    fs::remove(cluster.log_of(n.name), ignored);
    fs::remove(cluster.events_of(n.name), ignored);
  }
  for (const auto* file : {"cluster.json", "secret", "lock"})
    fs::remove(cluster.directory / file, ignored);
  if (all) fs::remove(cluster.directory, ignored);
}

std::optional<directory_lock> directory_lock::take(const fs::path& directory) {
  const int fd = ::open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return std::nullopt;
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return std::nullopt;
  }
  return directory_lock{fd};
}

directory_lock::~directory_lock() {
  if (fd_ >= 0) ::close(fd_);
}
}  // namespace troupe::program
