// What the link's session core costs by itself: two sessions in one thread, bytes through memory.
// Batches of three sizes; a record is written and read for the smallest figure of a message.
#include "patterns/link/record.hpp"
#include "patterns/link/session.hpp"

#include <chrono>
#include <cstdio>

using namespace troupe::link;

namespace {
void figure(const char* name, double value, const char* unit) {
  std::printf("{\"figure\":\"%s\",\"value\":%.0f,\"unit\":\"%s\"}\n", name, value, unit);
}

struct rate {
  double batches = 0, bytes = 0;
};

rate run(std::size_t size, std::chrono::milliseconds length) {
  session from{{}, {}}, to{{}, {}};
  session::output out;
  from.attach({}, 0, 0, out);
  to.attach({}, 0, 0, out);
  const buffer batch(size, 'x');
  std::uint64_t batches = 0;
  buffer wire;
  const auto start = std::chrono::steady_clock::now();
  instant now{};
  while (now < length) {
    now = std::chrono::steady_clock::now() - start;
    while (from.queued(lane::normal) < (1u << 20)) from.enqueue(lane::normal, buffer{batch});
    for (int i = 0; i < 16; ++i) {
      wire.clear();
      from.write(now, 0, wire);
      to.receive(now, wire, out);
      for (const auto& b : out.batches) {
        to.delivered(b.on, b.bytes.size());
        to.consumed(b.on, b.bytes.size());
      }
      batches += out.batches.size();
      out.batches.clear();
      wire.clear();
      to.write(now, 0, wire);
      from.receive(now, wire, out);
    }
    from.tick(now, out);
    to.tick(now, out);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const auto count = static_cast<double>(batches) / took.count();
  return {count, count * static_cast<double>(size)};
}

double records(std::chrono::milliseconds length) {
  const buffer body(16, 'x');
  std::uint64_t count = 0, sum = 0;
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < length) {
    buffer batch;
    batch.reserve(64 * 1024);
    while (batch.size() < 60'000) {
      record r;
      r.target = ++count;
      const auto at = begin_record(batch, r);
      put_bytes(batch, body);
      end_record(batch, at);
    }
    record_reader reader{batch};
    while (const auto r = reader.next()) sum += r->target;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return sum == 0 ? 0 : static_cast<double>(count) / took.count();
}
}  // namespace

int main() {
  using namespace std::chrono_literals;
  figure("link_core_64KiB_batches_bytes", run(64 * 1024, 1s).bytes, "B/s");
  figure("link_core_4KiB_batches_bytes", run(4 * 1024, 1s).bytes, "B/s");
  figure("link_core_64B_batches", run(64, 1s).batches, "1/s");
  figure("link_core_records_written_and_read", records(1s), "1/s");
}
