#include "runtime/journal/directory.hpp"

#include "patterns/hex.hpp"
#include "patterns/link/crc32c.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::journal {
namespace fs = std::filesystem;
namespace {
constexpr std::string_view first_words = "troupe journal ";
constexpr std::uint32_t our_format = 1;
constexpr std::size_t mark_size = 24;

std::optional<std::uint64_t> number_from(std::string_view text, int base) {
  std::uint64_t number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (wrong != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
  return number;
}

bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(file, ignored);
}

// What lies there is another's: some of its names.
std::string strangers(const fs::path& path) {
  std::error_code ignored;
  std::string names;
  int count = 0;
  for (const auto& entry : fs::directory_iterator{path, ignored}) {
    const auto name = entry.path().filename().string();
    if (name == "lock" || name == "acknowledged" || name == "db" || name == "identity" ||
        name == "identity.new" || name == "creating" || name == "db.old" || name == "repairing")
      continue;
    if (++count <= 3) names += (names.empty() ? "" : ", ") + name;
  }
  return count > 3 ? names + ", ..." : names;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string encode_mark(std::uint64_t life, std::uint64_t number) {
  std::string mark(mark_size, '\0');
  std::memcpy(mark.data() + 8, &life, 8);
  std::memcpy(mark.data() + 16, &number, 8);
  const auto sum = crc32c(std::string_view{mark}.substr(8));
  std::memcpy(mark.data(), "ACKN", 4);
  std::memcpy(mark.data() + 4, &sum, 4);
  return mark;
}
}  // namespace

failure system_failure(int error, const std::string& doing, const std::string& where) {
  const std::string what = "cannot " + doing + " " + where + ": " + std::strerror(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return {cause::full, what + ": make room there and start again"};
    case EROFS:
    case EACCES:
    case EPERM:
      return {cause::read_only, what + ": a journal needs a directory that this user may write"};
    default:
      return {cause::broken, what};
  }
}

failure damaged(cause why, const std::string& what, const fs::path& directory) {
  return {why, what + "; `troupe journal verify " + directory.string() +
                   "` says what is left, `troupe journal repair` keeps it"};
}

result<void, failure> sync_directory(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!done) return unexpected{system_failure(error, "sync", path.string())};
  return {};
}

result<void, failure> write_durably(const fs::path& file, const std::string& bytes) {
  const fs::path fresh = file.string() + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const bool done = fd >= 0 && write_all(fd, bytes) && ::fsync(fd) == 0;
  int error = errno;
  if (fd >= 0) ::close(fd);
  if (done && ::rename(fresh.c_str(), file.c_str()) == 0) return sync_directory(file.parent_path());
  if (done) error = errno;
  ::unlink(fresh.c_str());
  return unexpected{system_failure(error, "write", file.string())};
}

result<directory, failure> directory::take(const fs::path& given, purpose why) {
  std::error_code failed;
  const auto path = fs::absolute(given).lexically_normal();
  if (why == purpose::use) fs::create_directories(path, failed);
  if (failed) return unexpected{system_failure(failed.value(), "make", path.string())};
  if (!fs::is_directory(path, failed))
    return unexpected{failure{cause::missing, "there is no directory " + path.string()}};
  const bool identified = is_there(path / "identity"), half = is_there(path / "creating");
  if (!identified && !half) {
    if (const auto names = strangers(path); !names.empty())
      return unexpected{
          failure{cause::foreign, path.string() + " is no journal, there is " + names +
                                      " in it: give the journal a directory of its own"}};
    if (why == purpose::look && !is_there(path / "db"))
      return unexpected{failure{cause::foreign, path.string() + " is no journal: it is empty"}};
  }
  const auto lock_file = path / "lock";
  const int how = why == purpose::use ? O_RDWR | O_CREAT : O_RDONLY;
  const int lock = ::open(lock_file.c_str(), how | O_CLOEXEC, 0600);
  if (lock < 0 && (why == purpose::use || errno != ENOENT))
    return unexpected{system_failure(errno, "open", lock_file.string())};
  directory taken{path, lock};
  if (lock >= 0 && ::flock(lock, LOCK_EX | LOCK_NB) != 0)
    return unexpected{failure{cause::locked, "the journal " + path.string() +
                                                 " is in use by another process: end it, or give "
                                                 "this one a directory of its own"}};
  taken.unmade_ = !identified && (half || !is_there(path / "db"));
  return taken;
}

directory::directory(directory&& other) noexcept
    : path_{std::move(other.path_)},
      lock_{std::exchange(other.lock_, -1)},
      mark_{std::exchange(other.mark_, -1)},
      unmade_{other.unmade_} {}

directory::~directory() {
  if (mark_ >= 0) ::close(mark_);
  if (lock_ >= 0) ::close(lock_);
}

result<void, failure> directory::begin_making() {
  if (auto marked = write_durably(path_ / "creating", ""); !marked) return marked;
  std::error_code failed;
  fs::remove_all(database(), failed);
  fs::remove(path_ / "acknowledged", failed);
  fs::create_directory(database(), failed);
  if (failed) return unexpected{system_failure(failed.value(), "make", database().string())};
  return {};
}

result<void, failure> directory::end_making(const identity& of) {
  if (auto written = write_identity(of); !written) return written;
  ::unlink((path_ / "creating").c_str());
  unmade_ = false;
  if (auto synced = sync_directory(path_); !synced) return synced;
  return sync_directory(path_.parent_path());
}

result<identity, failure> directory::read_identity() const {
  const auto file = path_ / "identity";
  std::ifstream in{file, std::ios::binary};
  if (!in)
    return unexpected{
        damaged(cause::missing, "the file " + file.string() + " is not there", path_)};
  std::stringstream all;
  all << in.rdbuf();
  const auto text = all.str();
  const auto wrong = [&](const std::string& why) {
    return unexpected{damaged(cause::corrupted, file.string() + " " + why, path_)};
  };
  std::vector<std::string> lines;
  for (std::string line; std::getline(all, line);) lines.push_back(line);
  if (lines.empty() || lines[0].rfind(first_words, 0) != 0) return wrong("is not what was written");
  const auto format = number_from(std::string_view{lines[0]}.substr(first_words.size()), 10);
  const auto sum_at = text.rfind("sum ");
  if (!format || sum_at == text.npos || lines.size() < 5 || lines.back().size() != 12 ||
      number_from(std::string_view{lines.back()}.substr(4), 16) !=
          crc32c(std::string_view{text}.substr(0, sum_at)))
    return wrong("is not what was written: its checksum is wrong");
  if (*format != our_format)
    return unexpected{
        failure{cause::other_format,
                "the journal " + path_.string() + " has format " + std::to_string(*format) +
                    ", and this version of troupe reads format " + std::to_string(our_format) +
                    (*format > our_format ? ": start the version that wrote it, or a newer one"
                                          : ": start the version that wrote it")}};
  const auto after = [&](const std::string& word) -> std::string {
    for (const auto& line : lines)
      if (line.rfind(word + ' ', 0) == 0) return line.substr(word.size() + 1);
    return {};
  };
  const auto life = number_from(after("life"), 16);
  if (!life) return wrong("names no life");
  return identity{after("node"), after("cluster"), *life, our_format};
}

result<void, failure> directory::write_identity(const identity& of) const {
  auto text = std::string{first_words} + std::to_string(of.format) + "\nnode " + of.node +
              "\ncluster " + of.cluster + "\nlife " + hex(of.life) + '\n';
  text += "sum " + hex(crc32c(text)).substr(8) + '\n';
  return write_durably(path_ / "identity", text);
}

std::optional<std::uint64_t> directory::acknowledged(std::uint64_t life) const {
  std::ifstream in{path_ / "acknowledged", std::ios::binary};
  std::string mark(mark_size, '\0');
  if (!in.read(mark.data(), mark_size)) return {};
  std::uint64_t number = 0;
  std::memcpy(&number, mark.data() + 16, 8);
  if (mark != encode_mark(life, number)) return {};
  return number;
}

result<void, failure> directory::open_mark() {
  const auto file = path_ / "acknowledged";
  mark_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (mark_ < 0) return unexpected{system_failure(errno, "open", file.string())};
  return {};
}

void directory::acknowledge(std::uint64_t life, std::uint64_t number) const {
  const auto mark = encode_mark(life, number);
  // a mark that is not written is an older one, which is allowed
  [[maybe_unused]] const auto written = ::pwrite(mark_, mark.data(), mark.size(), 0);
}
}  // namespace troupe::journal
