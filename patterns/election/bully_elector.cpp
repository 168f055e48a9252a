#include "patterns/election/bully_elector.hpp"

#include "patterns/election/bully.hpp"
#include "patterns/encoding.hpp"

#include <algorithm>
#include <utility>
namespace troupe::election {
namespace {
struct known {  // the highest number
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(known, number)

bully::options options_of(const setting& how) {
  bully::options o;
  o.answer = how.patience / 2;
  o.victory = how.patience * 3 / 2;
  o.silence = how.patience;
  o.beat = how.beat;
  o.keep_incumbent = how.keep_incumbent;
  return o;
}
std::uint64_t number_in(std::string_view persisted) {
  const auto before = decode<known>(persisted);
  return before ? before->number : 0;
}

class bully_elector : public elector {
 public:
  bully_elector(const setting& how, std::string_view persisted, instant now, elector_output& out)
      : core_{options_of(how), how.self, static_cast<bully::server>(how.members.size()), how.life,
              number_in(persisted)},
        self_{how.self},
        persisted_{number_in(persisted)} {
    step(bully::start{}, now, out);
  }
  void receive(server from, std::string_view bytes, instant now, elector_output& out) override {
    if (auto m = decode<bully::message>(bytes))
      step(bully::received{from, std::move(*m)}, now, out);
  }
  void persisted(instant, elector_output&) override {}
  void lost(server peer, std::uint64_t life, instant now, elector_output& out) override {
    step(bully::lost{peer, life}, now, out);
  }
  void back(server peer, std::uint64_t life, instant now, elector_output& out) override {
    step(bully::back{peer, life}, now, out);
  }
  void tick(instant now, elector_output& out) override { step(bully::tick{}, now, out); }
  void stand(bool) override {}  // the highest leads
  instant due() const override { return core_.due(); }
  belief now_believes() const override {
    const auto* t = core_.leader();
    if (t == nullptr) return {standing::looking, 0, core_.number()};
    return {t->leader == self_ ? standing::leading : standing::following, t->leader, t->number};
  }

 private:
  void step(const bully::input& in, instant now, elector_output& out) {
    bully::output did;
    core_.step(in, now, did);
    for (auto& l : did.send)
      out.send.push_back(
          {l.to,
           std::visit([](const auto& m) { return name_of<std::decay_t<decltype(m)>>(); }, l.what),
           encode(l.what)});
    if (core_.number() > persisted_) {
      persisted_ = core_.number();
      out.persist = encode(known{persisted_});
    }
    auto b = now_believes();
    if (b.as == believed_.as && b.leader == believed_.leader &&
        (b.term == believed_.term || b.as == standing::looking))
      return;
    believed_ = b;
    out.changes.push_back(b);
  }

  bully::elector core_;
  server self_;
  std::uint64_t persisted_;
  belief believed_{};
};
}  // namespace

std::unique_ptr<elector> make_bully_elector(const setting& how, std::string_view persisted,
                                            instant now, elector_output& out) {
  return std::make_unique<bully_elector>(how, persisted, now, out);
}
}  // namespace troupe::election
