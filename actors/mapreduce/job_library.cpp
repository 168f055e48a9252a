#include "actors/mapreduce/job_library.hpp"

#include "actors/mapreduce/file.hpp"
#include "actors/mapreduce/job.hpp"
#include "patterns/mapreduce/checksum.hpp"
#include "runtime/config/nearest.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include <boost/dll/shared_library.hpp>
#include <sys/mman.h>
#include <unistd.h>
namespace troupe::mapreduce {
namespace {
using entries = std::vector<const job_entry*>;

struct loaded_library {
  std::uint64_t sum = 0;
  entries jobs{};
  boost::dll::shared_library code{};
};

struct registry {
  std::mutex guard{};
  entries compiled_in{};
  std::map<std::uint64_t, loaded_library> libraries{};  // by the sum of their bytes
};

registry& all() {
  static auto* const forever = new registry;  // jobs register and run before and after all statics
  return *forever;
}
thread_local entries* loading = nullptr;

std::string contents(const std::string& path) {
  const auto f = file::open(path);
  std::string bytes(f.size(), '\0');
  f.read(bytes.data(), bytes.size(), 0);
  return bytes;
}

// The loader knows a library by its name and inode, so a copy gets ones of its own. Its descriptor
// stays open: the next copy must not get the same name.
std::string private_copy(const std::string& bytes) {
  const int fd = ::memfd_create("troupe-job", MFD_CLOEXEC);
  if (fd < 0) throw task_error{"there is no memory for a copy of the job's library"};
  std::string_view left = bytes;
  while (!left.empty()) {
    const auto put = ::write(fd, left.data(), left.size());
    if (put < 0) {
      ::close(fd);
      throw task_error{"there is no memory for a copy of the job's library"};
    }
    left.remove_prefix(static_cast<std::size_t>(put));
  }
  return "/proc/self/fd/" + std::to_string(fd);
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (auto i = text.find(what); i != std::string::npos; i = text.find(what, i + by.size()))
    text.replace(i, what.size(), by);
  return text;
}

const loaded_library& load(const std::string& path) {
  const auto bytes = contents(path);
  if (bytes.substr(0, 4) != "\177ELF")
    throw task_error{path + " is no shared library: build the job with -shared -fPIC"};
  auto& libraries = all().libraries;
  const auto sum = checksum_of(bytes);
  if (const auto known = libraries.find(sum); known != libraries.end()) return known->second;
  const auto copy = private_copy(bytes);
  loaded_library made{.sum = sum};
  loading = &made.jobs;
  try {
    made.code.load(copy, boost::dll::load_mode::rtld_now);
  } catch (const std::exception& e) {
    loading = nullptr;
    const std::string text = replaced(e.what(), copy, path);
    const auto reason = text.find("failed: ");
    throw task_error{"cannot load " + path + ": " +
                     (reason == std::string::npos ? text : text.substr(reason + 8)) +
                     "; was it built for this version of Troupe?"};
  }
  loading = nullptr;
  return libraries.emplace(sum, std::move(made)).first->second;
}

std::string listed(const std::vector<std::string>& names, const std::string& meant) {
  std::string text;
  for (const auto& n : names) text += (text.empty() ? "" : ", ") + n;
  const auto near = config::nearest(meant, names);
  if (!near.empty()) text += " (did you mean " + near + "?)";
  return text;
}

job_ptr choose(const entries& from, const std::string& name, const std::string& where,
               std::uint64_t sum) {
  std::vector<std::string> names;
  job_ptr found;
  for (const auto* entry : from) {
    if (std::string_view{entry->abi} != job_abi)
      throw task_error{where + " was built for another version of Troupe (" + entry->abi +
                       ", and this is " + job_abi + "): build it again"};
    auto job = std::make_shared<job_class>(entry->describe());
    job->library_sum = sum;
    names.push_back(job->name);
    if (job->name == name || (name.empty() && from.size() == 1)) found = std::move(job);
  }
  if (found != nullptr) return found;
  if (name.empty())
    throw task_error{where + " has more than one job, so name one: " + listed(names, name)};
  throw task_error{where + " has no job '" + name + "'; it has " + listed(names, name)};
}
}  // namespace

extern "C" void troupe_register_job(const job_entry* entry) {
  if (loading != nullptr) return loading->push_back(entry);
  const std::lock_guard lock{all().guard};
  all().compiled_in.push_back(entry);
}

result<job_ptr, std::string> job_named(const std::string& name, const std::string& library) {
  try {
    const std::lock_guard lock{all().guard};
    if (library.empty()) return choose(all().compiled_in, name, "this program", 0);
    const auto& [sum, jobs, code] = load(library);
    if (jobs.empty())
      throw task_error{library +
                       " is a shared library without a job: add TROUPE_JOB(class, \"name\")"};
    return choose(jobs, name, library, sum);
  } catch (const std::exception& e) {
    return unexpected{std::string{e.what()}};
  } catch (...) {
    return unexpected{"the library " + library + " threw something that is no std::exception"};
  }
}

std::vector<job_ptr> jobs_compiled_in() {
  const std::lock_guard lock{all().guard};
  std::vector<job_ptr> jobs;
  for (const auto* entry : all().compiled_in)
    jobs.push_back(std::make_shared<const job_class>(entry->describe()));
  std::sort(jobs.begin(), jobs.end(), [](auto& a, auto& b) { return a->name < b->name; });
  return jobs;
}

result<void, std::string> check_settings(const job_class& job, const job_settings& given) {
  std::vector<std::string> known{"troupe.record_bytes_max"};
  for (const auto& s : job.settings) {
    known.emplace_back(s.name);
    if (s.required && given.count(s.name) == 0)
      return unexpected{"the job " + job.name + " needs --set " + s.name + "=... (" + s.help + ")"};
  }
  for (const auto& [name, value] : given)
    if (std::find(known.begin(), known.end(), name) == known.end())
      return unexpected{"the job " + job.name + " has no setting '" + name + "'; it has " +
                        listed(known, name)};
  const auto refused = [&](const char* why) {
    return unexpected{"the job " + job.name + " refuses its settings: " + why};
  };
  try {
    job.make(given);
  } catch (const std::exception& e) {
    return refused(e.what());
  } catch (...) {
    return refused("it threw something that is no std::exception");
  }
  return {};
}
}  // namespace troupe::mapreduce
