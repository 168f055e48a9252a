#include "runtime/journal/rocks_files.hpp"

#include "runtime/log.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

namespace troupe::journal {
namespace {
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::size_t log_room = std::size_t{1} << 20;

class forwarding_logger : public rocksdb::Logger {
 public:
  forwarding_logger() : rocksdb::Logger{rocksdb::InfoLogLevel::WARN_LEVEL} {}
  using rocksdb::Logger::Logv;
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level > rocksdb::InfoLogLevel::FATAL_LEVEL)
      return;
    std::string text(1024, '\0');
    const auto size = std::vsnprintf(text.data(), text.size(), format, arguments);
    text.resize(std::clamp<std::size_t>(size < 0 ? 0 : static_cast<std::size_t>(size), 0, 1023));
    log::warn("journal", "RocksDB says", {{"text", text}});
  }
  void Logv(const char*, va_list) override {}
};

class faulty_file : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  faulty_file(std::unique_ptr<rocksdb::FSWritableFile>&& file, std::shared_ptr<file_faults> faults)
      : FSWritableFileOwnerWrapper{std::move(file)}, faults_{std::move(faults)} {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return write(data, [&](const Slice& part) { return target()->Append(part, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus PositionedAppend(const Slice& data, std::uint64_t at, const IOOptions& options,
                            IODebugContext* debug) override {
    return write(data, [&](const Slice& part) {
      return target()->PositionedAppend(part, at, options, debug);
    });
  }
  IOStatus PositionedAppend(const Slice& data, std::uint64_t at, const IOOptions& options,
                            const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return PositionedAppend(data, at, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    ++faults_->syncs;
    return faults_->sync_fails ? IOStatus::IOError("sync", "Input/output error")
                               : target()->Sync(options, debug);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    ++faults_->syncs;
    return faults_->sync_fails ? IOStatus::IOError("fsync", "Input/output error")
                               : target()->Fsync(options, debug);
  }

 private:
  template <class Write>
  IOStatus write(const Slice& data, Write through) {
    ++faults_->writes;
    if (faults_->write_fails) return IOStatus::IOError("write", "Input/output error");
    const auto size = static_cast<std::int64_t>(data.size());
    auto room = faults_->room.load();
    while (room >= 0 &&
           !faults_->room.compare_exchange_weak(room, std::max(room - size, std::int64_t{0})))
      ;
    if (room < 0 || room >= size) return through(data);
    if (room > 0) (void)through(Slice{data.data(), static_cast<std::size_t>(room)});
    return IOStatus::NoSpace("write", "No space left on device");
  }
  std::shared_ptr<file_faults> faults_;
};

// A log that is given room ahead of its writes, in steps, as part of its size: a sync then has no new size to make
// durable, and takes a third less time. What is left of the room is zeros (log_files.hpp); a log that is closed
// gives it back.
class roomy_log : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;
  void SetPreallocationBlockSize(std::size_t size) override {
    target()->SetPreallocationBlockSize(std::min(size, log_room));
  }
};

class our_files : public rocksdb::FileSystemWrapper {
 public:
  our_files() : FileSystemWrapper{rocksdb::FileSystem::Default()} {}
  const char* Name() const override { return "troupe's files"; }
  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    if (!name.ends_with(".log")) return target()->NewWritableFile(name, options, file, debug);
    auto with_room = options;
    with_room.fallocate_with_keep_size = false;
    auto opened = target()->NewWritableFile(name, with_room, file, debug);
    if (opened.ok()) *file = std::make_unique<roomy_log>(std::move(*file));
    return opened;
  }
};

class faulty_files : public rocksdb::FileSystemWrapper {
 public:
  explicit faulty_files(std::shared_ptr<file_faults> faults)
      : FileSystemWrapper{std::make_shared<our_files>()}, faults_{std::move(faults)} {}
  const char* Name() const override { return "troupe's faulty files"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    return wrapped(target()->NewWritableFile(name, options, file, debug), file);
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext* debug) override {
    return wrapped(target()->ReopenWritableFile(name, options, file, debug), file);
  }

 private:
  IOStatus wrapped(IOStatus opened, std::unique_ptr<rocksdb::FSWritableFile>* file) {
    if (opened.ok()) *file = std::make_unique<faulty_file>(std::move(*file), faults_);
    return opened;
  }
  std::shared_ptr<file_faults> faults_;
};
}  // namespace

std::shared_ptr<rocksdb::Logger> rocks_logger() {
  static const auto one = std::make_shared<forwarding_logger>();
  return one;
}

std::unique_ptr<rocksdb::Env> rocks_env(std::shared_ptr<file_faults> faults) {
  if (!faults) return rocksdb::NewCompositeEnv(std::make_shared<our_files>());
  return rocksdb::NewCompositeEnv(std::make_shared<faulty_files>(std::move(faults)));
}
}  // namespace troupe::journal
