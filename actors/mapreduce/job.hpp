// A MapReduce job is a class of a few lines, in a program or in a shared library that is given with
// the submission. Source: Dean and Ghemawat, OSDI 2004.
//
//   struct line_lengths : troupe::mapreduce::job_of<std::uint32_t, std::uint64_t> {  // key, value
//     void map(const troupe::mapreduce::record& line, auto& emit) {
//       emit(static_cast<std::uint32_t>(line.text.size()), 1);
//     }
//     void combine(std::uint64_t& sum, std::uint64_t more) { sum += more; }
//   };
//   TROUPE_JOB(line_lengths, "line-lengths", "how many lines there are of each length")
//
//   map(record, emit)
//       called for each record of the input; emit(key, value) any number of times
//   finish_map(emit)
//       optional: after the last record of a map task
//   combine(into, more)
//       optional: folds one value of a key into another. It may be applied anywhere between map and
//       reduce, in any grouping, so it has to be associative and commutative
//   reduce(key, values, output)
//       optional where there is a combine (then: fold all, output(key, value)). Walk over the
//       values once, `for (auto v : values)`, in the order of the input; output(key, value) writes
//       a line key<TAB>value, output.line(text) a line, output.write(bytes) just these
//   finish_reduce(output)
//       optional: after the last group of a part
//   setup()
//       optional: before anything else. Look at setting("name"); a throw fails the job
//   partition(key, parts)
//       optional: the part of a key, below `parts`; the same for the same key, always
//
// Members that a job may hide with its own, all static constexpr:
//   input_format      records::lines (default), records::blocks or records::files
//   parts             partitioning::hash (default) or partitioning::range
//   skip_bad_records  true: a record whose map throws twice is passed over and counted
//   settings          an array of job_setting: the names that --set may give; others are refused
//   separator(char)   a function: where records::blocks may end a block; '\n' by default
//
//   Key      a number, enum, std::string, std::pair or std::tuple of them; parts are ordered by it
//   Value    that, or `nothing`, std::vector, std::array, a struct of TROUPE_MESSAGE (encoding.hpp)
//   Fails    whatever map or reduce throws fails the attempt, with the exception's text; a job has
//            4 attempts a task
//   Must     give the same output for the same input: attempts are repeated after a crash, and the
//            first to finish counts
// A new object of the class serves each attempt, in one thread; what it keeps in members is its
// own.
#pragma once
#include "actors/mapreduce/task_code.hpp"
#include "patterns/mapreduce/encoding.hpp"

#include <concepts>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
namespace troupe::mapreduce {
struct record {
  std::string_view text;     // valid during the call
  std::string_view file;     // the path, as it was given with the submission
  std::uint64_t offset = 0;  // of the text in the file
};

template <class Key, class Value>
class job_of {
 public:
  using key_type = Key;
  using value_type = Value;
  static constexpr records input_format = records::lines;
  static constexpr partitioning parts = partitioning::hash;
  static constexpr bool skip_bad_records = false;
  static constexpr std::span<const job_setting> settings{};
  static constexpr bool separator(char c) { return c == '\n'; }

  // A counter of the job's own, summed over all tasks that count in the end, and shown with the
  // job.
  // At most 1000, with names of at most 200 bytes: they travel with each report.
  void count(const std::string& name, std::int64_t by = 1) {
    if (const auto known = counters_.find(name); known != counters_.end()) {
      known->second += by;
      return;
    }
    if (counters_.size() >= counters_max || name.size() > counter_name_max)
      throw task_error{"a job has at most " + std::to_string(counters_max) +
                       " counters of its own, with names of at most " +
                       std::to_string(counter_name_max) + " bytes: '" + name.substr(0, 40) +
                       "' is one too many or too long"};
    counters_[name] = by;
  }
  std::string setting(const std::string& name, const std::string& otherwise = {}) const {
    const auto found = given_.find(name);
    return found == given_.end() ? otherwise : found->second;
  }
  bool has_setting(const std::string& name) const { return given_.count(name) != 0; }

 private:
  static constexpr std::size_t counters_max = 1000;
  static constexpr std::size_t counter_name_max = 200;
  template <class Job>
  friend class code_of;
  job_counters counters_{};
  job_settings given_{};
};

// A number of at most 8 bytes with a combine is combined at once, in the map's hash table.
template <class Job>
inline constexpr bool has_combine = requires(Job& j, typename Job::value_type& into,
                                             const typename Job::value_type& more) {
  j.combine(into, more);
};
template <class Job>
inline constexpr bool combines_in_place = has_combine<Job> &&
                                          ((encoding::scalar<typename Job::value_type> &&
                                            sizeof(typename Job::value_type) <= 8) ||
                                           std::is_same_v<typename Job::value_type, nothing>);

// What map calls to emit.
template <class Job>
class emitter {
 public:
  using key_type = typename Job::key_type;
  using value_type = typename Job::value_type;
  emitter(Job& job, map_sink& sink) : job_{job}, sink_{sink} {}

  void operator()(const view_t<key_type>& key, const view_t<value_type>& value) {
    if constexpr (encoding::text<key_type>) {
      put(key, value);
    } else {
      key_.clear();
      encoding::put_key(key_, key);
      put(key_, value);
    }
  }
  void operator()(const view_t<key_type>& key) requires std::is_same_v<value_type, nothing> {
    (*this)(key, nothing{});
  }
  // For inner loops that have the key's hash at hand.
  void operator()(const hashed_key& key, const value_type& value) requires combines_in_place<Job> {
    std::uint64_t bits = 0;
    if constexpr (!std::is_same_v<value_type, nothing>) std::memcpy(&bits, &value, sizeof value);
    sink_.combine(key, bits, [&](std::uint64_t& there) {
      value_type folded{};
      if constexpr (!std::is_same_v<value_type, nothing>)
        std::memcpy(&folded, &there, sizeof folded);
      try {
        job_.combine(folded, value);
      } catch (...) {
        combine_failed();
      }
      if constexpr (!std::is_same_v<value_type, nothing>)
        std::memcpy(&there, &folded, sizeof folded);
    });
  }

 private:
  void put(std::string_view key, const view_t<value_type>& value) {
    if constexpr (combines_in_place<Job>) {
      (*this)(hashed_key{key}, value);
    } else {
      value_.clear();
      encoding::put_value(value_, value);
      sink_.add(key, value_);
    }
  }
  Job& job_;
  map_sink& sink_;
  std::string key_{};
  std::string value_{};
};

// What reduce walks over, once: for (auto value : values).
template <class Value>
class values_of {
 public:
  using element = view_t<Value>;  // of strings a view, valid until the next
  explicit values_of(group_source& from) : from_{from} {}
  class iterator {
   public:
    explicit iterator(values_of* of) : of_{of} { ++*this; }
    const element& operator*() const { return of_->value_; }
    iterator& operator++() {
      if (!of_->next()) of_ = nullptr;
      return *this;
    }
    bool operator==(std::nullptr_t) const { return of_ == nullptr; }

   private:
    values_of* of_;
  };
  iterator begin() { return iterator{this}; }
  std::nullptr_t end() const { return nullptr; }

 private:
  bool next() {
    std::string_view bytes;
    if (!from_.next_value(bytes)) return false;
    if (!encoding::get_value(bytes, value_))
      throw task_error{"a value of the map output cannot be decoded"};
    return true;
  }
  group_source& from_;
  element value_{};
};

// What reduce writes its part with.
class part_writer {
 public:
  explicit part_writer(part_sink& sink) : sink_{sink} {}
  template <class Key, class Value>
  void operator()(const Key& key, const Value& value) {
    auto& to = sink_.buffer();
    encoding::put_text(to, key);
    if constexpr (!std::is_same_v<Value, nothing>) {
      to.push_back('\t');
      encoding::put_text(to, value);
    }
    to.push_back('\n');
    sink_.record_done();
  }
  void line(std::string_view text) {
    auto& to = sink_.buffer();
    to.append(text);
    to.push_back('\n');
    sink_.record_done();
  }
  void write(std::string_view bytes) { sink_.write(bytes); }

 private:
  part_sink& sink_;
};

// A job's loops.
template <class Job>
class code_of final : public task_code {
 public:
  using key_type = typename Job::key_type;
  using value_type = typename Job::value_type;

  explicit code_of(const job_settings& given) {
    job_.given_ = given;
    if constexpr (requires { job_.setup(); }) job_.setup();
  }

  void map(record_source& from, map_sink& to) override {
    emitter<Job> emit{job_, to};
    block b;
    while (from.next(b)) {
      if constexpr (Job::input_format == records::lines) {
        map_lines(from, b, emit);
      } else {
        map_one(from, b, b.begin, b.end, emit);
      }
    }
    if constexpr (requires { job_.finish_map(emit); }) job_.finish_map(emit);
  }

  void reduce(group_source& from, part_sink& to) override {
    part_writer out{to};
    key_type key{};
    while (from.next_group()) {
      std::string_view bytes = from.key();
      if (!encoding::get_key(bytes, key))
        throw task_error{"a key of the map output cannot be decoded"};
      values_of<value_type> values{from};
      if constexpr (requires { job_.reduce(key, values, out); }) {
        job_.reduce(static_cast<const key_type&>(key), values, out);
      } else {
        static_assert(has_combine<Job>,
                      "a job needs reduce(key, values, output) or combine(into, more)");
        fold(key, values, out);
      }
    }
    if constexpr (requires { job_.finish_reduce(out); }) job_.finish_reduce(out);
  }

  void combine(std::string& into, std::string_view next) override {
    if constexpr (has_combine<Job>) {
      value_type a{}, b{};
      std::string_view bytes = into;
      if (!encoding::get_value(bytes, a) || !encoding::get_value(next, b))
        throw task_error{"a value of the map output cannot be decoded"};
      try {
        job_.combine(a, b);
      } catch (...) {
        combine_failed();
      }
      into.clear();
      encoding::put_value(into, a);
    }
  }

  std::uint32_t partition(std::string_view encoded_key, std::uint32_t parts) override {
    if constexpr (requires(const key_type& key) { job_.partition(key, parts); }) {
      if (!encoding::get_key(encoded_key, key_)) throw task_error{"a key cannot be decoded"};
      return static_cast<std::uint32_t>(job_.partition(static_cast<const key_type&>(key_), parts));
    }
    return 0;
  }

  bool separator(char c) const override { return Job::separator(c); }
  const job_counters& counters() const override { return job_.counters_; }

 private:
  void map_one(record_source& from, const block& b, const char* begin, const char* end,
               emitter<Job>& emit) {
    const auto offset = b.offset + static_cast<std::uint64_t>(begin - b.begin);
    if (b.some_skipped && from.skip(offset)) [[unlikely]]
      return;
    from.begins(offset);
    job_.map(record{{begin, static_cast<std::size_t>(end - begin)}, b.file, offset}, emit);
  }
  void map_lines(record_source& from, const block& b, emitter<Job>& emit) {
    for (const char* p = b.begin; p < b.end;) {
      const auto* newline =
          static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(b.end - p)));
      const char* end = newline != nullptr ? newline : b.end;
      map_one(from, b, p, end, emit);
      p = end + 1;
    }
  }
  void fold(const key_type& key, values_of<value_type>& values, part_writer& out) {
    auto it = values.begin();
    value_type sum{*it};
    for (++it; it != values.end(); ++it) job_.combine(sum, value_type{*it});
    out(key, sum);
  }

  Job job_{};
  key_type key_{};
};

template <class Job>
std::shared_ptr<task_code> make_code(const job_settings& given) {
  return std::make_shared<code_of<Job>>(given);
}

template <class Job>
job_class describe_job(const char* name, const char* help) {
  constexpr bool own = requires(Job & j, const typename Job::key_type& key) {
    j.partition(key, 1u);
  };
  return {.name = name,
          .help = help,
          .settings = {std::begin(Job::settings), std::end(Job::settings)},
          .format = Job::input_format,
          .parts = own ? partitioning::own : Job::parts,
          .combines = has_combine<Job>,
          .in_place = combines_in_place<Job>,
          .value_bytes = std::is_same_v<typename Job::value_type, nothing>
                             ? 0
                             : static_cast<std::uint32_t>(sizeof(typename Job::value_type)),
          .skip_bad_records = Job::skip_bad_records,
          .make = &make_code<Job>};
}

// What a shared library hands over as it is loaded. The first field never changes its place or
// meaning: it is looked at before the rest.
struct job_entry {
  const char* abi = nullptr;
  job_class (*describe)() = nullptr;
};
#define TROUPE_JOB_TEXT_(x) #x
#define TROUPE_JOB_TEXT(x) TROUPE_JOB_TEXT_(x)
// Raised with every change of the headers that a job is compiled with.
inline constexpr const char* job_abi = "troupe-job-2 gxx-abi-" TROUPE_JOB_TEXT(
    __GXX_ABI_VERSION) " cxx11-strings-" TROUPE_JOB_TEXT(_GLIBCXX_USE_CXX11_ABI);

extern "C" void troupe_register_job(const job_entry* entry);
}  // namespace troupe::mapreduce

#define TROUPE_JOB_JOIN_(a, b) a##b
#define TROUPE_JOB_JOIN(a, b) TROUPE_JOB_JOIN_(a, b)
// At namespace scope of a source file: TROUPE_JOB(class, "name") or TROUPE_JOB(class, "name", "what
// it does").
#define TROUPE_JOB(Class, Name, ...)                                                            \
  namespace {                                                                                   \
  const ::troupe::mapreduce::job_entry TROUPE_JOB_JOIN(troupe_job_entry_, __LINE__){            \
      ::troupe::mapreduce::job_abi,                                                             \
      [] { return ::troupe::mapreduce::describe_job<Class>(Name, "" __VA_ARGS__); }};           \
  const bool TROUPE_JOB_JOIN(troupe_job_known_, __LINE__) =                                     \
      (::troupe::mapreduce::troupe_register_job(&TROUPE_JOB_JOIN(troupe_job_entry_, __LINE__)), \
       true);                                                                                   \
  }
