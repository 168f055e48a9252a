#include "actors/lock/postgres_connection.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <poll.h>
namespace troupe::lock {
namespace {
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr Oid of_int8 = 20;
constexpr auto form = "postgresql://USER@HOST:PORT/DATABASE";

std::string first_line(const char* text) {
  std::string line = text == nullptr ? "" : text;
  line.resize(std::min(line.find('\n'), line.size()));
  return line;
}

std::int64_t int8_in(const char* bytes) {
  std::uint64_t n = 0;
  for (int i = 0; i < 8; ++i) n = n << 8U | static_cast<unsigned char>(bytes[i]);
  return static_cast<std::int64_t>(n);
}

int milliseconds_left(deadline until) {
  const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

int wait_for(int fd, short what, deadline until) {
  pollfd p{fd, what, 0};
  return ::poll(&p, 1, milliseconds_left(until));
}

// What a call is given, in the form in which libpq takes it.
struct parameters {
  std::vector<std::string> texts;
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  explicit parameters(const std::vector<sql_value>& with) {
    texts.reserve(with.size());
    for (const auto& v : with) {
      const bool bytes = std::holds_alternative<std::string>(v);
      if (const auto* b = std::get_if<std::string>(&v)) {
        texts.push_back(*b);
      } else if (const auto* n = std::get_if<std::int64_t>(&v)) {
        texts.push_back(std::to_string(*n));
      } else if (const auto* all = std::get_if<tickets>(&v)) {
        std::string list = "{";
        for (const auto t : *all) list += (list.size() > 1 ? "," : "") + std::to_string(t);
        texts.push_back(list + '}');
      } else {
        texts.emplace_back();
      }
      const bool nothing = std::holds_alternative<std::monostate>(v);
      values.push_back(nothing ? nullptr : texts.back().c_str());
      lengths.push_back(static_cast<int>(texts.back().size()));
      formats.push_back(bytes ? 1 : 0);
    }
  }
};
}  // namespace

result<std::string, std::string> pg_connection::name_of(const std::string& uri) {
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> all{
      ::PQconninfoParse(uri.c_str(), &why), &::PQconninfoFree};
  ::PQfreemem(why);  // it may show the password
  if (!all)
    return unexpected{std::string{"this is no address of a PostgreSQL server: write "} + form +
                      ", with % and two digits for each other character"};
  std::string host, port, database;
  const auto is_port = [](std::string_view text) {
    unsigned number = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
    return wrong == std::errc{} && end == text.data() + text.size() && number > 0 &&
           number <= 65'535;
  };
  for (const auto* o = all.get(); o->keyword != nullptr; ++o) {
    if (o->val == nullptr) continue;
    const std::string word = o->keyword;
    if (word == "host") host = o->val;
    if (word == "port") port = o->val;
    if (word == "dbname") database = o->val;
  }
  for (std::size_t at = 0; !port.empty() && at <= port.size();) {  // one for each host
    const auto end = std::min(port.find(',', at), port.size());
    if (end > at && !is_port(std::string_view{port}.substr(at, end - at)))
      return unexpected{
          std::string{"a port of a PostgreSQL server is a number from 1 to 65535: write "} + form};
    at = end + 1;
  }
  return "the PostgreSQL server" + (host.empty() ? "" : " at " + host) +
         (port.empty() ? "" : ":" + port) + (database.empty() ? "" : ", database " + database);
}

result<std::unique_ptr<pg_connection>, std::string> pg_connection::open(const std::string& uri,
                                                                        deadline until) {
  const char* words[] = {"dbname", "fallback_application_name", "tcp_user_timeout", nullptr};
  const char* values[] = {uri.c_str(), "troupe locks", "5000", nullptr};
  auto* c = ::PQconnectStartParams(words, values, 1);
  std::unique_ptr<pg_connection> made{new pg_connection{c}};
  const auto failed = [&](const std::string& why) { return unexpected{why}; };
  if (c == nullptr || ::PQstatus(c) == CONNECTION_BAD)
    return failed(first_line(::PQerrorMessage(c)));
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
    const auto ready =
        wait_for(::PQsocket(c), state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until);
    if (ready == 0) return failed("it does not answer in time");
    state = ::PQconnectPoll(c);
    if (state == PGRES_POLLING_FAILED) return failed(first_line(::PQerrorMessage(c)));
  }
  ::PQsetnonblocking(c, 1);
  ::PQsetNoticeProcessor(
      c, [](void*, const char*) {}, nullptr);
  return result<std::unique_ptr<pg_connection>, std::string>{std::move(made)};
}

pg_connection::~pg_connection() { ::PQfinish(c_); }

pg_answer pg_connection::plain(const std::string& words, deadline until) {
  if (::PQsendQuery(c_, words.c_str()) == 0) return {.state = "08000", .why = broken()};
  return last(until);
}
pg_answer pg_connection::prepare(const char* name, const std::string& words, deadline until) {
  if (::PQsendPrepare(c_, name, words.c_str(), 0, nullptr) == 0)
    return {.state = "08000", .why = broken()};
  return last(until);
}
pg_answer pg_connection::last(deadline until) {
  pg_answer said, failed;
  bool no_more = false;
  while (auto* r = next(until, no_more)) {
    said = answer_in(r);
    if (!said.ok() && failed.ok()) failed = said;
    ::PQclear(r);
  }
  if (no_more) return {.state = "08000", .why = broken()};
  return failed.ok() ? said : failed;
}

result<std::vector<pg_answer>, std::string> pg_connection::pipeline(
    const std::vector<pg_call>& calls, deadline until) {
  ::PQenterPipelineMode(c_);
  for (const auto& what : calls)
    if (!call(what)) return unexpected{broken()};
  std::vector<pg_answer> all;
  for (const auto& what : calls) {
    auto& said = all.emplace_back();
    bool no_more = false;
    while (auto* r = next(until, no_more)) {
      said = answer_in(r);
      ::PQclear(r);
      if (what.prepared == nullptr) break;
    }
    if (no_more) return unexpected{broken()};
  }
  return all;
}

bool pg_connection::call(const pg_call& what) {
  if (what.prepared == nullptr) return ::PQpipelineSync(c_) == 1;
  const parameters p{what.with};
  return ::PQsendQueryPrepared(c_, what.prepared, static_cast<int>(p.values.size()),
                               p.values.data(), p.lengths.data(), p.formats.data(), 1) == 1;
}

// Null: no more of this call, or broken.
pg_result* pg_connection::next(deadline until, bool& broken) {
  for (;;) {
    const auto unsent = ::PQflush(c_);
    if (unsent >= 0 && ::PQisBusy(c_) == 0) break;
    const auto ready = wait_for(::PQsocket(c_),
                                static_cast<short>(unsent == 1 ? POLLIN | POLLOUT : POLLIN), until);
    if (ready == 0) late_ = "it does not answer in time";
    if (unsent < 0 || ready == 0 || ::PQconsumeInput(c_) == 0) return (broken = true, nullptr);
  }
  auto* r = ::PQgetResult(c_);
  if (r == nullptr && ::PQstatus(c_) == CONNECTION_BAD) broken = true;
  return r;
}

pg_answer pg_connection::answer_in(const pg_result* r) const {
  pg_answer said;
  switch (::PQresultStatus(r)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_PIPELINE_SYNC:
      break;
    case PGRES_PIPELINE_ABORTED:
      said.state = "skipped";
      return said;
    default: {
      const auto* state = ::PQresultErrorField(r, PG_DIAG_SQLSTATE);
      said.state = state == nullptr ? "08000" : state;
      said.why = first_line(::PQresultErrorMessage(r));
      return said;
    }
  }
  said.tag = ::PQcmdStatus(const_cast<pg_result*>(r));
  for (int i = 0; i < ::PQntuples(r); ++i) {
    auto& row = said.rows.emplace_back();
    for (int k = 0; k < ::PQnfields(r); ++k) {
      const auto* at = ::PQgetvalue(r, i, k);
      const auto size = static_cast<std::size_t>(::PQgetlength(r, i, k));
      if (::PQgetisnull(r, i, k) == 1)
        row.emplace_back();
      else if (::PQftype(r, k) == of_int8 && ::PQfformat(r, k) == 1 && size == 8)
        row.emplace_back(int8_in(at));
      else
        row.emplace_back(std::string(at, size));
    }
  }
  return said;
}

std::string pg_connection::broken() const {
  if (!late_.empty()) return late_;
  auto why = first_line(::PQerrorMessage(c_));
  return why.empty() ? "the connection broke" : why;
}

bool pg_connection::works() { return ::PQconsumeInput(c_) == 1 && ::PQstatus(c_) == CONNECTION_OK; }
int pg_connection::descriptor() const { return ::PQsocket(c_); }
int pg_connection::version() const { return ::PQserverVersion(c_); }

std::vector<std::string> pg_connection::notified() {
  std::vector<std::string> all;
  while (auto* n = ::PQnotifies(c_)) {
    if (n->be_pid != ::PQbackendPID(c_)) all.emplace_back(n->extra);
    ::PQfreemem(n);
  }
  return all;
}
}  // namespace troupe::lock
