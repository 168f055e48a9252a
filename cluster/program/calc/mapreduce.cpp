// Checksums, partitions, splits, stragglers and fair shares of MapReduce.
#include "cluster/program/calc/calc.hpp"
#include "patterns/mapreduce/checksum.hpp"
#include "patterns/mapreduce/fair.hpp"
#include "patterns/mapreduce/job.hpp"
#include "patterns/mapreduce/partition.hpp"
#include "patterns/mapreduce/splits.hpp"

#include <algorithm>

namespace troupe::program::calc {
namespace {
using namespace mapreduce;
constexpr std::uint32_t parts_max = 1'000'000;

answer run_partition(const json& in) {
  const auto parts = small(in, "parts");
  if (parts == 0 || parts > parts_max)
    return unexpected{std::string{"'parts' is between 1 and 1000000"}};
  const bool range = !in.at("samples").empty();
  const auto cuts = range ? cut_points(in.at("samples").get<std::vector<std::string>>(), parts)
                          : std::vector<std::string>{};
  json out{{"parts", json::array()}};
  for (const auto& key : in.at("keys")) {
    const auto text = key.get<std::string>();
    out["parts"].push_back(range ? range_partition(cuts, text) : hash_partition(text, parts));
  }
  if (range) out["cuts"] = cuts;
  return out;
}

answer run_splits(const json& in) {
  std::vector<input_file> files;
  std::uint64_t total = 0;
  for (const auto& f : in.at("files")) {
    files.push_back({f.at("path"), f.at("size")});
    total += files.back().size;
  }
  std::uint64_t target = in.at("target");
  if (target == 0) target = split_target(total, std::max(1U, small(in, "slots")));
  if (total / target > 100'000)
    return unexpected{std::string{"'target' would make more than 100000 splits"}};
  json out{{"target", target}, {"splits", json::array()}};
  for (const auto& s : plan_splits(std::move(files), target)) {
    json one{{"bytes", s.bytes}, {"pieces", json::array()}};
    for (const auto& p : s.pieces)
      one["pieces"].push_back({{"path", p.path}, {"offset", p.offset}, {"length", p.length}});
    out["splits"].push_back(std::move(one));
  }
  return out;
}

// A job of that many maps, run by hand as the fields say; then one more worker has a free slot.
answer run_straggler(const json& in) {
  const auto& finished = in.at("finished");
  const auto& running = in.at("running");
  const std::size_t tasks = finished.size() + running.size();
  if (tasks == 0 || tasks > 10'000) return unexpected{std::string{"there are 1 to 10000 tasks"}};
  const auto ms = [](const json& ns) { return instant{ns.get<std::int64_t>() / 1'000'000}; };
  instant now{};
  for (const auto& d : finished) now = std::max(now, ms(d));
  for (const auto& r : running) now = std::max(now, ms(r.at("elapsed")));
  struct step {
    instant at;
    std::size_t task;
    bool ends;
  };
  std::vector<step> steps;
  for (std::size_t i = 0; i < finished.size(); ++i) {
    steps.push_back({instant{}, i, false});
    steps.push_back({ms(finished[i]), i, true});
  }
  for (std::size_t i = 0; i < running.size(); ++i)
    steps.push_back({now - ms(running[i].at("elapsed")), finished.size() + i, false});
  std::stable_sort(steps.begin(), steps.end(), [](const step& a, const step& b) {
    return std::pair{a.at, a.ends} < std::pair{b.at, b.ends};
  });
  job_spec spec;
  spec.id = "j";
  spec.reducers = 1;
  job master{std::move(spec), std::vector<split>(tasks, split{{{"f"}}, 1}), instant{}};
  output out;
  std::vector<attempt_id> ids(tasks);
  std::map<std::uint32_t, std::size_t> task_of;
  const auto offered = [&](std::size_t task, instant at) {
    const auto worker = "w" + std::to_string(task);
    out = {};
    master.step(worker_up{worker}, at, out);
    out = {};
    master.step(mapreduce::offer{worker, task_kind::map}, at, out);
  };
  for (const auto& s : steps) {
    if (s.ends) {
      out = {};
      map_done done;
      done.id = ids[s.task];
      done.output.segments.resize(1);
      master.step(done, s.at, out);
      continue;
    }
    offered(s.task, s.at);
    if (out.maps.size() != 1) return unexpected{std::string{"these times make no schedule"}};
    ids[s.task] = out.maps.front().task.id;
    task_of[ids[s.task].task] = s.task;
  }
  for (std::size_t i = 0; i < running.size(); ++i) {
    const double part = running[i].at("progress");
    if (part < 0 || part > 1) return unexpected{std::string{"'progress' is between 0 and 1"}};
    out = {};
    master.step(task_progress{.id = ids[finished.size() + i],
                              .done = static_cast<std::uint32_t>(part * 1000)},
                now, out);
  }
  offered(tasks, now);
  json found;
  if (!out.maps.empty()) {
    const auto task = task_of.at(out.maps.front().task.id.task);
    found = task - finished.size();
  }
  return json{{"backup_of", found}};
}

answer run_fair(const json& in) {
  std::vector<fair::need> needs;
  std::vector<fair::claim> claims;
  for (const auto& j : in.at("jobs")) {
    needs.push_back({small(j, "weight"), small(j, "running"), small(j, "waiting")});
    claims.push_back({j.at("id"), small(j, "weight"), small(j, "running")});
  }
  if (claims.empty()) return unexpected{std::string{"'jobs' has none"}};
  json out{{"next", claims[fair{}.pick(claims)].id}};
  out["excess"] = fair::excess(needs, small(in, "slots"));
  return out;
}
}  // namespace

std::vector<calculation> of_mapreduce() {
  return {
      {"hash",
       "XXH64 of a text or of bytes",
       "Y. Collet, xxHash specification; patterns/mapreduce/checksum.hpp",
       {{"text", type::text, "what is hashed", ""},
        {"hex", type::hex, "bytes to hash after it", ""},
        {"seed", type::count, "the hash's seed", 0}},
       "hash, as 16 hexadecimal digits",
       R"({"text":"abc"})",
       [](const json& in) -> answer {
         const auto bytes =
             in.at("text").get<std::string>() + bytes_of_hex(in.at("hex").get<std::string>());
         return json{{"hash", hex_of_number(checksum_of(bytes, in.at("seed")), 16)}};
       }},
      {"partition",
       "which reducer each key goes to: by hash, or by range from samples of the keys",
       "J. Dean, S. Ghemawat, \"MapReduce\", OSDI 2004, section 4.1; "
       "patterns/mapreduce/partition.hpp",
       {{"keys", type::texts, "to be placed"},
        {"parts", type::count, "reducers"},
        {"samples", type::texts, "of the input's keys: by range", json::array()}},
       "parts: of each key, from 0; cuts: by range, the first key of each part but the first",
       R"({"keys":["", "abc"],"parts":7})",
       run_partition},
      {"splits",
       "how a job's input is cut, a map task each",
       "J. Dean, S. Ghemawat, \"MapReduce\", OSDI 2004, section 3.1; patterns/mapreduce/splits.hpp",
       {{"files",
         type::objects,
         "the input",
         {},
         {},
         {{"path", type::text, "its name"}, {"size", type::count, "in bytes"}}},
        {"target", type::count, "bytes of a split; 0: by the slots", 0},
        {"slots", type::count, "tasks that run side by side", 4}},
       "target, splits: each with its bytes and pieces of files",
       R"({"files":[{"path":"a","size":100000000},{"path":"b","size":10}],"slots":2})",
       run_splits},
      {"records",
       "the lines of a text that belong to a piece of it: those that start in it",
       "patterns/mapreduce/splits.hpp",
       {{"text", type::text, "the file"},
        {"offset", type::count, "of the piece"},
        {"length", type::count, "of the piece"}},
       "records, with their newlines",
       R"({"text":"one\ntwo\nthree\n","offset":3,"length":5})",
       [](const json& in) -> answer {
         const auto text = in.at("text").get<std::string>();
         const std::uint64_t offset = in.at("offset"), length = in.at("length");
         if (offset > text.size()) return unexpected{std::string{"'offset' is beyond the text"}};
         return json{{"records", std::string{records_in(text, offset, length)}}};
       }},
      {"straggler",
       "which running map gets a backup when one more worker has a free slot",
       "J. Dean, S. Ghemawat, \"MapReduce\", OSDI 2004, section 3.6; M. Zaharia et al., LATE, OSDI "
       "2008; patterns/mapreduce/job.hpp",
       {{"finished", type::times, "how long each map that is done has taken"},
        {"running",
         type::objects,
         "the others, an attempt each",
         {},
         {},
         {{"elapsed", type::time, "since it began"},
          {"progress", type::number, "the part that is done, 0 to 1", 0}}}},
       "backup_of: the place in `running`, or null",
       R"({"finished":["10s","12s"],"running":[{"elapsed":"9s","progress":0.9},{"elapsed":"9s","progress":0.1}]})",
       run_straggler},
      {"fair",
       "which job gets a free slot, and who has more than its share",
       "A. Ghodsi et al., \"Dominant Resource Fairness\", NSDI 2011, with one resource; "
       "patterns/mapreduce/fair.hpp",
       {{"jobs",
         type::objects,
         "all that have tasks",
         {},
         {},
         {{"id", type::text, "its name"},
          {"weight", type::count, "of its share", 1},
          {"running", type::count, "tasks", 0},
          {"waiting", type::count, "tasks that would run if there were slots", 0}}},
        {"slots", type::count, "in all", 0}},
       "next: the job's id, excess: tasks of each beyond its share, as far as others lack theirs",
       R"({"jobs":[{"id":"a","running":8,"waiting":2},{"id":"b","waiting":5}],"slots":8})",
       run_fair},
  };
}
}  // namespace troupe::program::calc
