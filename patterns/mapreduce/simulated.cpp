#include "patterns/mapreduce/simulated.hpp"

#include "patterns/mapreduce/partition.hpp"
#include "patterns/mapreduce/simulated_protocol.hpp"
#include "patterns/mapreduce/splits.hpp"
#include "patterns/mapreduce/words.hpp"

#include <algorithm>
#include <charconv>
namespace troupe::mapreduce::simulated {
using namespace std::chrono_literals;
namespace {
constexpr std::string_view ends = "every job ends";
constexpr duration ends_within = 150s;

std::string text_of(simulation::generator& chance) {
  std::string text;
  for (auto lines = 1 + chance.below(40); lines > 0; --lines) {
    for (auto words = chance.below(8); words > 0; --words) {
      text += static_cast<char>('a' + chance.below(5));
      text += static_cast<char>('a' + chance.below(5));
      text += ' ';
    }
    text += '\n';
  }
  return text;
}

std::string lines_of(const std::map<std::string, std::uint64_t>& counts) {
  std::string all;
  for (const auto& [word, count] : counts) all += word + ' ' + std::to_string(count) + '\n';
  return all;
}

void count_words(std::string_view line, std::map<std::string, std::uint64_t>& counts) {
  word_scanner scanner;
  scanner.scan(line, [&](const char* word, std::size_t size) { ++counts[{word, size}]; });
}

// Lines with the offset of their first byte.
template <class F>
void each_line(std::string_view text, std::uint64_t from, F&& f) {
  while (!text.empty()) {
    const auto size = std::min(text.find('\n'), text.size() - 1) + 1;
    f(text.substr(0, size), from);
    text.remove_prefix(size);
    from += size;
  }
}
}  // namespace

setup draw_job(std::uint64_t seed, std::uint32_t number) {
  simulation::generator chance{simulation::derived(seed, 0x6a6f6200U + number)};
  setup s;
  const auto kind = chance.below(10);
  s.kind = kind < 5   ? nature::plain
           : kind < 7 ? nature::flaky
           : kind < 9 ? nature::skips
                      : nature::hopeless;
  s.text = text_of(chance);
  s.splits = plan_splits({{"in", s.text.size(), 0}}, 1 + s.text.size() / (1 + chance.below(12)));
  s.spec.name = "wordcount";
  s.spec.reducers = 1 + static_cast<std::uint32_t>(chance.below(4));
  s.spec.slow_start = static_cast<std::uint32_t>(chance.below(1001));
  s.spec.silence = 20'000;
  s.spec.skip_bad_records = s.kind == nature::skips;
  if (s.kind == nature::flaky) s.spec.attempts_max = 40;
  if (s.kind == nature::skips || s.kind == nature::hopeless) {
    std::vector<std::uint64_t> starts;
    each_line(s.text, 0, [&](std::string_view, std::uint64_t at) { starts.push_back(at); });
    s.bad = chance.one_of(starts);
  }
  std::vector<std::map<std::string, std::uint64_t>> counts(s.spec.reducers);
  each_line(s.text, 0, [&](std::string_view line, std::uint64_t at) {
    if (at == s.bad) return;
    std::map<std::string, std::uint64_t> words;
    count_words(line, words);
    for (const auto& [word, n] : words) counts[hash_partition(word, s.spec.reducers)][word] += n;
  });
  for (const auto& part : counts) s.answer.push_back(lines_of(part));
  return s;
}

std::optional<std::vector<std::string>> map_words(const setup& of, const split& input,
                                                  const std::vector<record_position>& skip) {
  std::vector<std::map<std::string, std::uint64_t>> counts(of.spec.reducers);
  bool crashed = false;
  for (const auto& p : input.pieces) {
    const auto records = records_in(of.text, p.offset, p.length);
    const auto from = static_cast<std::uint64_t>(records.data() - of.text.data());
    each_line(records, from, [&](std::string_view line, std::uint64_t at) {
      const auto is = [&](const record_position& r) { return r.offset == at; };
      if (std::any_of(skip.begin(), skip.end(), is)) return;
      if (at == of.bad) crashed = true;
      std::map<std::string, std::uint64_t> words;
      count_words(line, words);
      for (const auto& [word, n] : words) counts[hash_partition(word, of.spec.reducers)][word] += n;
    });
  }
  if (crashed) return std::nullopt;
  std::vector<std::string> parts;
  for (const auto& part : counts) parts.push_back(lines_of(part));
  return parts;
}

std::string reduce_words(const std::vector<std::string>& segments) {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& s : segments) {
    each_line(s, 0, [&](std::string_view line, std::uint64_t) {
      const auto space = line.find(' ');
      std::uint64_t n = 0;
      std::from_chars(line.data() + space + 1, line.data() + line.size(), n);
      counts[std::string{line.substr(0, space)}] += n;
    });
  }
  return lines_of(counts);
}

node::node(const simulation::life& of, std::shared_ptr<scene> all, std::uint32_t members,
           time until)
    : worker_{of, all} {
  if (of.self == 0) master_.emplace(of, std::move(all), members, until);
}

void node::receive(member from, message m, time now, output& out) {
  if (const auto* b = std::get_if<beat>(&m)) {
    if (master_) master_->on(from, *b, now, out);
  } else if (const auto* g = std::get_if<greet>(&m)) {
    worker_.on(*g, now, out);
  } else if (auto* up = std::get_if<to_master>(&m)) {
    if (master_) master_->on(from, std::move(*up), now, out);
  } else if (auto* order = std::get_if<to_worker>(&m)) {
    worker_.on(std::move(*order), now);
  } else if (const auto* f = std::get_if<fetch>(&m)) {
    worker_.on(from, *f, out);
  } else {
    worker_.on(std::get<fetched>(m), now);
  }
  worker_.flush(now, out);
  if (master_) master_->flush(now, out);
}

void node::tick(time now, output& out) {
  worker_.tick(now, out);
  if (master_) master_->tick(now, out);
  worker_.flush(now, out);
  if (master_) master_->flush(now, out);
}

void node::lost(member peer, std::uint32_t its_life, time now, output& out) {
  if (!master_) return;
  master_->lost(peer, its_life, now, out);
  master_->flush(now, out);
}

time node::due() const { return master_ ? std::min(worker_.due(), master_->due()) : worker_.due(); }

void node::describe(const event& e, std::string& fields) {
  simulation::append_field(fields, "event", to_string(e.what));
  simulation::append_field(fields, "job", e.job);
  if (e.attempt != 0) {
    simulation::append_field(fields, "kind", to_string(e.kind));
    simulation::append_field(fields, "task", std::int64_t{e.task});
    simulation::append_field(fields, "attempt", std::int64_t{e.attempt});
  }
  if (!e.worker.empty())
    simulation::append_field(fields, "worker",
                             simulation::name_of(static_cast<member>(std::stoul(e.worker))));
  if (!e.reason.empty()) simulation::append_field(fields, "reason", e.reason);
}

simulation::run_outcome rehearse(const simulation::plan& p, const simulation::settings& how) {
  simulation::plan played = p;
  for (auto& f : played.faults) {
    if (!simulation::brings_down(f.what)) continue;
    for (member m = 0; f.who.empty() && m < p.members; ++m) f.who.push_back(m);
    std::erase(f.who, 0U);
  }
  std::erase_if(played.faults,
                [](const auto& f) { return simulation::brings_down(f.what) && f.who.empty(); });
  const auto all = std::make_shared<scene>();
  all->seed = p.seed;
  all->faultless = played.faults.empty();
  simulation::world<node> w{p.seed, {.lateness_max = 5ms}, how.lines};
  const time until = std::max<time>(p.length, 1s);
  for (member m = 0; m < p.members; ++m)
    w.add([=](const simulation::life& of) { return node{of, all, p.members, until}; });
  simulation::claim_all(w, claim::all, all);
  w.within(std::string{ends}, ends_within, [=](const auto&) {
    for (const auto& [id, job] : all->jobs)
      if (!all->over.contains(id)) return id + " has not ended";
    return std::string{};
  });
  return outcome_of(w, w.run(played));
}
}  // namespace troupe::mapreduce::simulated

namespace troupe::mapreduce {
simulation::protocol simulated_protocol() {
  simulation::protocol it;
  it.name = "mapreduce";
  it.help = "jobs that count words, while workers die, freeze and are cut off";
  simulation::promise_all(it, simulated::claim::all, simulated::ends);
  it.members_max = 100;
  it.calm = simulated::ends_within + std::chrono::seconds{10};
  it.swarm = simulation::everything;
  it.run = simulated::rehearse;
  return it;
}
}  // namespace troupe::mapreduce
