// troupe calc: what goes in, what comes out, and what is refused with which sentence.
#include "cluster/program/calc/calc.hpp"

#include <set>

#include <doctest/doctest.h>
namespace {
using troupe::program::calc::json;
namespace calc = troupe::program::calc;

calc::answer asked(const std::string& name, const std::string& input) {
  const auto* const c = calc::named(name);
  REQUIRE(c != nullptr);
  return calc::calculate(*c, input);
}
// The fields of `expected` are those of the answer, which may have more; numbers to 6 digits.
void gives(const std::string& name, const std::string& input, const std::string& expected) {
  CAPTURE(name);
  CAPTURE(input);
  const auto got = asked(name, input);
  REQUIRE_MESSAGE(got.has_value(), got.error());
  CAPTURE(got->dump());
  const auto wanted = json::parse(expected);
  for (const auto& [field, value] : wanted.items()) {
    const auto& shown = field;  // no binding, for clang 14
    CAPTURE(shown);
    REQUIRE(got->contains(field));
    if (value.is_number_float())
      CHECK((*got)[field].get<double>() == doctest::Approx(value.get<double>()).epsilon(1e-6));
    else
      CHECK((*got)[field] == value);
  }
}
void refuses(const std::string& name, const std::string& input, const std::string& sentence) {
  CAPTURE(name);
  CAPTURE(input);
  const auto got = asked(name, input);
  REQUIRE(!got.has_value());
  CHECK(got.error() == sentence);
}
}  // namespace

TEST_CASE("calc: every calculation has a name, a source and an example that runs") {
  std::set<std::string> names;
  for (const auto& c : calc::all()) {
    CAPTURE(c.name);
    CHECK(names.insert(c.name).second);
    CHECK(c.source.find("patterns/") != std::string::npos);
    CHECK(!c.help.empty());
    CHECK(!c.gives.empty());
    const auto got = calc::calculate(c, c.example);
    CHECK_MESSAGE(got.has_value(), got.error());
    const auto wrong = calc::calculate(c, "[]");
    CHECK(!wrong.has_value());
  }
  CHECK(calc::named("nothing") == nullptr);
}

TEST_CASE("calc: phi is -log10 of the normal tail (Hayashibara et al. 2004, section 4.3)") {
  gives("phi-of", R"({"silence":1000,"mean":1000,"deviation":100})", R"({"phi":0.301029996})");
  gives("phi-of", R"({"silence":1200,"mean":1000,"deviation":100})", R"({"phi":1.643016080})");
  gives("phi-of", R"({"silence":1600,"mean":1000,"deviation":100})", R"({"phi":9.005864351})");
  gives(
      "phi",
      R"({"intervals":[1000,1000,1000,1000],"silence":"1.2s","window":4,"deviation_min":100})",
      R"({"suspicion":1.643016080,"available":true,"mean":1000.0,"deviation":100.0,"intervals":4})");
  gives("phi", R"({"intervals":[1000,1000,1000,1000],"silence":1600,"window":4})",
        R"({"available":false})");
  gives("phi",
        R"({"intervals":[1000,1000,1000,1000],"silence":1600,"window":4,"pause_acceptable":"3s"})",
        R"({"available":true})");
  gives("deadline", R"({"silence":1200,"silence_max":"2s"})",
        R"({"suspicion":0.6,"available":true})");
  gives("deadline", R"({"silence":2000,"silence_max":"2s"})", R"({"available":false})");
}

TEST_CASE("calc: Lifeguard's and SWIM's formulas") {
  const auto suspicion = [](int confirmations) {
    return R"({"shortest":"1.5s","longest":"6s","confirmations":)" + std::to_string(confirmations) +
           "}";
  };
  gives("suspicion-timeout", suspicion(0), R"({"timeout":6000})");
  gives("suspicion-timeout", suspicion(1), R"({"timeout":3750})");  // log 2 / log 4 is a half
  gives("suspicion-timeout", suspicion(3), R"({"timeout":1500})");
  gives("suspicion-timeout", suspicion(9), R"({"timeout":1500})");
  gives("local-health", R"({"worse":3,"better":1,"time":500})", R"({"score":2,"scaled":1500})");
  gives("local-health", R"({"worse":20,"score_max":8,"time":1})", R"({"score":8,"scaled":9})");
  gives("transmissions", R"({"members":7})", R"({"transmissions":9})");  // 3 * log2 8
  gives("transmissions", R"({"members":1023,"factor":2})", R"({"transmissions":20})");
}

TEST_CASE("calc: who stays of a partition, and who forms a cluster") {
  const auto side = [](const std::string& strategy, const std::string& more = "") {
    return R"({"strategy":")" + strategy +
           R"(","members":[{"name":"a","reachable":false},{"name":"b"},{"name":"c"}])" + more + "}";
  };
  gives("downing", side("keep-majority"), R"({"verdict":"down-others","down":["a"]})");
  gives("downing", side("keep-oldest"), R"({"verdict":"down-others","down":["a"]})");
  gives("downing", side("keep-oldest", R"(,"down_if_alone":false)"),
        R"({"verdict":"down-us","down":["b","c"]})");
  gives("downing", side("down-all"), R"({"verdict":"down-everyone","down":["a","b","c"]})");
  gives("downing", side("static-quorum", R"(,"quorum":2)"),
        R"({"verdict":"down-others","down":["a"]})");
  gives("downing", side("static-quorum", R"(,"quorum":3)"), R"({"verdict":"down-us"})");
  gives("downing", side("lease-majority"), R"({"verdict":"acquire","down":["a"],"after":0})");
  gives(
      "downing",
      R"({"strategy":"lease-majority","acquire_delay":"3s","members":[{"name":"a"},{"name":"b","reachable":false},{"name":"c","reachable":false}]})",
      R"({"verdict":"acquire","down":["b","c"],"after":3000})");
  refuses("downing", side("static-quorum"), "static-quorum needs 'quorum', its size");
  gives("bootstrap", R"({"self":"a:1","seeds":["a:1","b:1"]})", R"({"forms":true,"at":3000})");
  gives("bootstrap", R"({"self":"b:1","seeds":["a:1","b:1"]})",
        R"({"forms":false,"at":null,"asks":["a:1"]})");
  gives("bootstrap", R"({"self":"a:1","seeds":["a:1"]})", R"({"forms":true,"at":0})");
}

TEST_CASE("calc: delays of restarts, and when they are too many") {
  gives("backoff", R"({"failures":5,"least":100,"most":1000})",
        R"({"delays":[100,200,400,800,1000]})");
  gives("backoff", R"({"failures":2,"least":0})", R"({"delays":[0,0]})");
  gives("restart-intensity", R"({"endings":[0,1000,2000],"intensity":2})",
        R"({"gives_up":true,"at":2000,"restarts":2})");
  gives("restart-intensity", R"({"endings":[0,6000,12000]})",
        R"({"gives_up":false,"at":null,"restarts":3})");
  const auto jittered = asked("backoff", R"({"failures":50,"least":100,"most":100,"jitter":0.5})");
  REQUIRE(jittered.has_value());
  for (const auto& d : (*jittered)["delays"])
    CHECK((d.get<double>() > 50 && d.get<double>() <= 100));
}

TEST_CASE("calc: published checks, parts, splits and records") {
  gives("hash", R"({"text":""})", R"({"hash":"ef46db3751d8e999"})");
  gives("hash", R"({"text":"Nobody inspects the spammish repetition"})",
        R"({"hash":"fbcea83c8a378bf1"})");
  gives("hash", R"({"hex":"616263"})", R"({"hash":"44bc2cf5ad770999"})");
  gives("crc32c", R"({"text":"123456789"})", R"({"crc":"e3069283"})");
  const std::string zeros(64, '0'), ones(64, 'f');  // RFC 3720, B.4
  gives("crc32c", R"({"hex":")" + zeros + "\"}", R"({"crc":"8a9136aa"})");
  gives("crc32c", R"({"hex":")" + ones + "\"}", R"({"crc":"62a8ab43"})");
  gives("partition", R"({"keys":["","abc"],"parts":7})", R"({"parts":[6,1]})");
  gives("partition", R"({"keys":["a","m","z"],"parts":3,"samples":["c","f","n","p","q","x"]})",
        R"({"parts":[0,0,2]})");
  gives(
      "splits", R"({"files":[{"path":"b","size":10},{"path":"a","size":20}],"target":1000000})",
      R"({"splits":[{"bytes":30,"pieces":[{"path":"a","offset":0,"length":20},{"path":"b","offset":0,"length":10}]}]})");
  gives("records", R"({"text":"one\ntwo\nthree\n","offset":3,"length":5})",
        R"({"records":"two\n"})");
}

TEST_CASE("calc: stragglers and fair shares") {
  const auto running = [](const std::string& all) {
    return R"({"finished":["10s","12s"],"running":[)" + all + "]}";
  };
  gives("straggler", running(R"({"elapsed":"9s","progress":0.9},{"elapsed":"9s","progress":0.1})"),
        R"({"backup_of":1})");
  gives("straggler", running(R"({"elapsed":"9s","progress":0.9},{"elapsed":"9s","progress":0.8})"),
        R"({"backup_of":null})");
  gives("straggler", running(R"({"elapsed":"1s"})"), R"({"backup_of":null})");
  gives("straggler", R"({"finished":[],"running":[{"elapsed":"100s"}]})", R"({"backup_of":null})");
  gives("fair", R"({"jobs":[{"id":"a","running":8},{"id":"b","waiting":5}],"slots":8})",
        R"({"next":"b","excess":[4,0]})");
}

TEST_CASE("calc: frames there and back") {
  gives("frame-encode", R"({"kind":"data","lane":"bulk","body":"0100000000000000ff"})",
        R"({"hex":"0b00000010030100000000000000ff"})");
  gives(
      "frame-decode", R"({"hex":"0b00000010030100000000000000ff0200"})",
      R"({"frames":[{"kind":"data","body":"0100000000000000ff","lane":"bulk","more":false}],"unfinished":2,"problem":null})");
  gives("frame-decode", R"({"hex":"000000ff1000"})", R"({"frames":[]})");
  refuses("frame-encode", R"({"kind":"ack","lane":"bulk"})", "a frame of kind ack has no lane");
}

TEST_CASE("calc: a small history is judged") {
  const auto reads = [](int value) {
    return R"({"model":"register","history":[{"process":0,"type":"invoke","f":"write","value":1},{"process":0,"type":"ok","f":"write","value":1},)"
           R"({"process":1,"type":"invoke","f":"read"},{"process":1,"type":"ok","f":"read","value":)" +
           std::to_string(value) + "}]}";
  };
  gives("consistent", reads(1), R"({"verdict":"consistent","operations":2})");
  gives("consistent", reads(2), R"({"verdict":"violated"})");
  refuses("consistent", R"({"model":"register","history":[{"process":0}]})",
          "'history[0]' has no \"type\": invoke, ok, fail or info");
}

TEST_CASE("calc: what is unknown, missing or of another type is named") {
  refuses("phi", "{", "the input is no JSON");
  refuses("phi", R"({})", "the field 'silence' is missing");
  refuses("phi", R"({"silense":1})", "there is no field 'silense'; did you mean 'silence'?");
  refuses("deadline", R"({"silence":1,"silence_max":2,"colour":"red"})",
          "there is no field 'colour'; there is intervals, silence, silence_max");
  refuses("phi", R"({"silence":"soon"})",
          "'silence' must be a time: milliseconds, or a text such as \"1.5s\"");
  refuses("phi", R"({"silence":1,"intervals":[1,null]})",
          "'intervals' must be a list of times: milliseconds, or texts such as \"1.5s\"");
  refuses("phi", R"({"silence":1,"window":-1})", "'window' must be a whole number, not below 0");
  refuses("hash", R"({"hex":"abc"})",
          "'hex' must be bytes as a text of hexadecimal digits, two each");
  refuses("downing", R"({"strategy":"keep-majorty","members":[]})",
          "'strategy' cannot be 'keep-majorty'; did you mean 'keep-majority'? There is "
          "keep-majority, static-quorum, keep-oldest, down-all, lease-majority");
  refuses("downing", R"({"members":[{"name":"a"},{"name":"b","reachble":false}]})",
          "there is no field 'members[1].reachble'; did you mean 'members[1].reachable'?");
  refuses("downing", R"({"members":[{"name":"a"},{"name":"a"}]})", "there are two members 'a'");
  refuses("downing", R"({"members":[7]})", "'members' must be a list of objects");
}
