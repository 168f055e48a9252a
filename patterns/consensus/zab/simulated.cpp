#include "patterns/consensus/zab/simulated.hpp"

#include "patterns/encoding.hpp"
#include "patterns/simulation/trace.hpp"
namespace troupe::zab::simulated {
written written_of(const record& r) {
  written w{.number = r.number,
            .restart = r.restart,
            .cut = r.cut,
            .appended = r.appended,
            .state = r.state};
  if (r.base) w.has_base = true, w.base = r.base->at, w.bytes = *r.base->bytes;
  return w;
}

void add(restored& all, const written& w) {
  if (w.has_base) {
    if (w.restart) all.log.clear();
    std::erase_if(all.log, [&](const transaction& t) { return t.at <= w.base; });
    all.base = {w.base, std::make_shared<const std::string>(w.bytes)};
  }
  if (w.cut) std::erase_if(all.log, [&](const transaction& t) { return t.at > *w.cut; });
  all.log.insert(all.log.end(), w.appended.begin(), w.appended.end());
  if (w.state) all.state = *w.state;
}

void machine::apply(const transaction& t) {
  ++count;
  digest = simulation::digest_of(to_string(t), digest + 1);
  last = t.at;
}

host::host(const simulation::life& of, std::shared_ptr<place> where)
    : where_(std::move(where)),
      disk_(of.persisted),
      life_(of.number),
      chance_(simulation::derived(of.seed, 1)) {
  restored kept;
  for (const auto& r : of.persisted.records())
    if (r.intact())
      if (const auto w = decode<written>(r.bytes)) add(kept, *w);
  if (!kept.base.bytes->empty()) machine_ = decode<machine>(*kept.base.bytes).value();
  const auto durable = kept;
  first_.emplace();
  core_ = std::make_unique<replica>(server_of(where_->self), where_->judge->of(), where_->how,
                                    std::move(kept), life_, of.now, *first_);
  where_->judge->started(*core_, durable, life_);
  if (machine_.count > 0) where_->judge->restored_to(core_->self(), machine_);
}

void host::receive(member from, message m, instant now, output& out) {
  where_->judge->arrived(server_of(from), m);
  step(received{server_of(from), std::move(m)}, now, out);
  // The state machine makes its snapshot in its own time.
  if (where_->snapshot_each == 0 || machine_.count == 0 || chance_.below(4) > 0) return;
  if (machine_.last <= core_->base().at || core_->log().size() < where_->snapshot_each) return;
  step(snapshotted{machine_.last, std::make_shared<const std::string>(encode(machine_))}, now, out);
}

void host::command_given(const command& c, instant now, output& out) {
  propose all;
  for (std::uint32_t i = 0; i < c.count; ++i)
    all.commands.push_back({++made_, std::to_string(where_->self) + '.' + std::to_string(life_) +
                                         '.' + std::to_string(made_)});
  step(std::move(all), now, out);
  asking_.emplace(++made_, where_->judge->newest());
  step(read{made_}, now, out);
}

void host::tick(instant now, output& out) { step(zab::tick{}, now, out); }

void host::persisted(std::uint64_t upto, instant now, output& out) {
  std::uint64_t number = 0;
  for (; !syncing_.empty() && syncing_.front().first <= upto; syncing_.pop_front()) {
    number = syncing_.front().second.number;
    where_->judge->synced(core_->self(), syncing_.front().second);
  }
  if (number > 0) step(zab::persisted{number}, now, out);
}

void host::lost(member peer, std::uint32_t, instant now, output& out) {
  step(zab::lost{server_of(peer)}, now, out);
}

void host::step(input in, instant now, output& out) {
  if (first_) {
    did_ = std::move(*first_);
    first_.reset();
    carry_out(now, out);
  }
  if (const auto* p = std::get_if<propose>(&in)) {
    const auto commands = p->commands;
    core_->step(std::move(in), now, did_);
    for (const auto& t : did_.taken)
      for (const auto& c : commands)
        if (c.cookie == t.cookie) where_->judge->proposed({t.at, c.bytes});
  } else {
    if (const auto* m = std::get_if<received>(&in))
      if (const auto* s = std::get_if<synchronise>(&m->what); s && s->how != way::snap) {
        const auto log = core_->log();
        core_->step(std::move(in), now, did_);
        if (did_.persist && did_.persist->cut)
          where_->judge->cut(core_->self(), log, *did_.persist->cut);
        return carry_out(now, out);
      }
    core_->step(std::move(in), now, did_);
  }
  carry_out(now, out);
}

void host::carry_out(instant, output& out) {
  const auto id = core_->self();
  for (auto* letters : {&did_.send_now, &did_.send})
    for (auto& l : *letters) {
      where_->judge->said(id, l.what);
      auto& to = letters == &did_.send ? out.send : out.send_now;
      to.push_back({member_of(l.to), std::move(l.what)});
    }
  if (did_.persist) {
    const auto w = written_of(*did_.persist);
    out.persist.push_back(encode(w));
    syncing_.emplace_back(disk_.size() + out.persist.size(), w);
  }
  for (const auto& e : did_.events) out.events.push_back(e);
  if (did_.restore) {
    machine_ =
        did_.restore->bytes->empty() ? machine{} : decode<machine>(*did_.restore->bytes).value();
    where_->judge->restored_to(id, machine_);
  }
  if (did_.committed) {
    const auto& log = core_->log();
    for (auto i = log.after(machine_.last); i < log.size() && log[i].at <= *did_.committed; ++i) {
      machine_.apply(log[i]);
      where_->judge->applied(id, machine_, log[i]);
    }
  }
  for (const auto& r : did_.reads) {
    const auto asked = asking_.extract(r.cookie);
    if (asked) where_->judge->read(id, asked.mapped(), r.at);
  }
  for (const auto& no : did_.turned_away) asking_.erase(no.cookie);
  where_->judge->stepped(*core_, life_);
  did_.clear();
}

void host::describe(const event& e, std::string& fields) {
  using simulation::append_field;
  append_field(fields, "event",
               e.kind == event_kind::entered ? to_string(e.where) : to_string(e.kind));
  append_field(fields, "epoch", static_cast<std::int64_t>(e.epoch));
  if (e.leader != 0) append_field(fields, "leader", static_cast<std::int64_t>(e.leader));
  if (e.at != zxid{}) {
    append_field(fields, "at", static_cast<std::int64_t>(e.at.epoch));
    append_field(fields, "counter", static_cast<std::int64_t>(e.at.counter));
  }
}
}  // namespace troupe::zab::simulated
