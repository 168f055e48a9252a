#include "actors/lock/redis_wire.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
namespace troupe::lock {
namespace {
constexpr std::chrono::milliseconds pause_first{20}, pause_last{1'000};
}  // namespace

redis_reply taken_from(const redisReply& given) {
  using kind = redis_reply::kind;
  switch (given.type) {
    case REDIS_REPLY_INTEGER:
      return {.what = kind::number, .number = given.integer};
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_STRING:
      return {.what = kind::text, .text = {given.str, given.len}};
    case REDIS_REPLY_ERROR:
      return {.what = kind::problem, .text = {given.str, given.len}};
    case REDIS_REPLY_ARRAY: {
      redis_reply all{.what = kind::list};
      all.items.reserve(given.elements);
      for (std::size_t i = 0; i < given.elements; ++i)
        all.items.push_back(taken_from(*given.element[i]));
      return all;
    }
    default:
      return {};
  }
}

bool passes(const std::string& problem) {
  constexpr std::string_view soon[] = {"LOADING",    "BUSY",     "TRYAGAIN", "CLUSTERDOWN",
                                       "MASTERDOWN", "READONLY", "UNBLOCKED"};
  return std::any_of(std::begin(soon), std::end(soon),
                     [&](auto word) { return problem.starts_with(word); });
}

std::string name_of(const redis_address& at) {
  const bool bare = at.host.find(':') == std::string::npos;
  return (bare ? at.host : "[" + at.host + "]") + ":" + std::to_string(at.port);
}

short redis_wire::wanted() const {
  if (at_ == stage::dialling) return POLLOUT;
  return static_cast<short>(unwritten_ ? POLLIN | POLLOUT : POLLIN);
}

void redis_wire::enter(stage what) {
  at_ = what;
  since_ = clock::now();
}

bool redis_wire::broken(const std::string& why) {
  why_ = why;
  return false;
}

void redis_wire::drop() {
  context_.reset();
  unwritten_ = false;
  enter(stage::down);
  pause_ = std::clamp<clock::duration>(2 * pause_, pause_first, pause_last);
  due_ = since_ + pause_;
}

void redis_wire::dial(const redis_address& to) {
  context_.reset(redisConnectNonBlock(to.host.c_str(), to.port));
  if (context_ && context_->err == 0) return enter(stage::dialling);
  why_ = context_ ? context_->errstr : "no memory";
  drop();
}

bool redis_wire::dialled() {
  int code = 0;
  socklen_t size = sizeof code;
  if (::getsockopt(handle(), SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
  if (code != 0) return broken(std::strerror(code));
  enter(stage::greeting);
  return true;
}

void redis_wire::put(const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  texts.reserve(words.size());
  sizes.reserve(words.size());
  for (const auto& w : words) {
    texts.push_back(w.data());
    sizes.push_back(w.size());
  }
  redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), texts.data(),
                         sizes.data());
}

bool redis_wire::write() {
  int all = 0;
  if (redisBufferWrite(context_.get(), &all) != REDIS_OK) return broken(context_->errstr);
  unwritten_ = all == 0;
  return true;
}

bool redis_wire::read(std::vector<redis_reply>& into) {
  const bool more = redisBufferRead(context_.get()) == REDIS_OK;
  for (;;) {  // also what came before the end
    void* one = nullptr;
    if (redisGetReplyFromReader(context_.get(), &one) != REDIS_OK) return broken(context_->errstr);
    if (one == nullptr) break;
    into.push_back(taken_from(*static_cast<redisReply*>(one)));
    freeReplyObject(one);
  }
  return more || broken(context_->errstr);
}
}  // namespace troupe::lock
