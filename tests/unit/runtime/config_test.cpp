#include "runtime/config.hpp"

#include "runtime/config/file.hpp"
#include "runtime/options.hpp"
#include "temp_directory.hpp"

#include <cstdlib>

#include <CLI/CLI.hpp>
#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace std::chrono_literals;

config::schema example() {
  config::schema s;
  s.flag("log.json", false, "JSON lines")
      .integer("link.lanes", 4, {1, 16}, "lanes of a link")
      .real("detector.phi", 8, {0.5, 20}, "suspicion level")
      .size("link.credit", 64 * config::KiB, {config::KiB, config::GiB}, "credit")
      .duration("membership.probe-interval", 500ms, {10ms, 1min}, "how often a node probes another")
      .text("node.name", "", "the node's name",
            [](const std::string& name) {
              return name == "bad" ? std::string{"nobody is called that"} : std::string{};
            })
      .secret("link.secret", "the cluster's secret")
      .choice("downing.strategy", "keep-majority",
              {"keep-majority", "static-quorum", "keep-oldest"}, "who stays")
      .list("node.roles", {"worker"}, "roles")
      .endpoint_list("node.seeds", {}, "nodes to join")
      .reserve("TROUPE_SEEDS");
  return s;
}

void refuses(const std::string& text, const std::vector<std::string>& words) {
  CAPTURE(text);
  const auto options = example();
  const auto loaded = config::load_text(options, text, "f");
  REQUIRE(!loaded);
  CAPTURE(loaded.error());
  for (const auto& word : words) {
    CAPTURE(word);
    CHECK(loaded.error().find(word) != std::string::npos);
  }
}
}  // namespace

TEST_CASE("config: defaults, then file, then environment, then flags") {
  const auto options = example();
  auto s = config::load(options, {}).value();
  CHECK(s.integer("link.lanes") == 4);
  CHECK(s.source("link.lanes") == "default");
  CHECK(s.is_default("link.lanes"));

  const std::string file = "[link]\nlanes = 5\ncredit = 1MiB\n[node]\nname = \"a\"\n";
  config::sources more;
  more.environment = {
      {"TROUPE_LINK_LANES", "6"}, {"TROUPE_NODE_NAME", "b"}, {"HOME", "/"}, {"TROUPE_SEEDS", "9"}};
  more.flags = {{"node.name", "c"}, {"node.name", "d"}};
  s = config::load_text(options, file, "f", more).value();
  CHECK(s.size("link.credit") == config::MiB);
  CHECK(s.source("link.credit") == "f:3");
  CHECK(s.integer("link.lanes") == 6);
  CHECK(s.source("link.lanes") == "TROUPE_LINK_LANES");
  CHECK(s.text("node.name") == "d");
  CHECK(s.source("node.name") == "--node.name");
  CHECK(s.duration("membership.probe-interval") == 500ms);
}

TEST_CASE("config: every type from a file") {
  const auto options = example();
  const auto s = config::load_text(options,
                                   "\xef\xbb\xbf# a comment\r\n"
                                   "log.json = yes   # not \"no\"\r\n"
                                   "\n"
                                   "  [ detector ]  # sections may be indented\n"
                                   "phi=0.75\n"
                                   "[membership]\nprobe-interval = 1m\n"
                                   "[downing]\nstrategy = keep-oldest\n"
                                   "[node]\n"
                                   "name = \"with # and \\\" and \\\\ and \\n\"\n"
                                   "roles = [\"a,b\", c]\n"
                                   "seeds = a:1, [::1]:2",
                                   "f")
                     .value();
  CHECK(s.flag("log.json"));
  CHECK(s.real("detector.phi") == 0.75);
  CHECK(s.duration("membership.probe-interval") == 1min);
  CHECK(s.text("downing.strategy") == "keep-oldest");
  CHECK(s.text("node.name") == "with # and \" and \\ and \n");
  CHECK(s.list("node.roles") == config::texts{"a,b", "c"});
  CHECK(s.endpoint_list("node.seeds") == config::endpoints{{"a", 1}, {"::1", 2}});
  const auto bare =
      config::load_text(options, "node.name = a#b c   # comment\nnode.roles = []", "f").value();
  CHECK(bare.text("node.name") == "a#b c");
  CHECK(bare.list("node.roles").empty());
}

TEST_CASE("config: what is wrong is refused by name, place, what is allowed and the nearest name") {
  refuses("[membership]\nprobe-intervall = 1s",
          {"f:2:", "'membership.probe-intervall'", "did you mean 'membership.probe-interval'?"});
  refuses("lanes = 3", {"f:1:", "'lanes'", "did you mean 'link.lanes'?"});
  refuses("utterly.different = 3", {"there is no option 'utterly.different'\n"});
  refuses("link.lanes = 17",
          {"f:1: 'link.lanes': '17' is out of range", "a whole number from 1 to 16"});
  refuses("link.lanes = many", {"'many' is not a whole number"});
  refuses("link.credit = 64kib", {"'64kib'", "a size like 64KiB from 1KiB to 1GiB"});
  refuses("membership.probe-interval = 500", {"'500' has no unit"});
  refuses("membership.probe-interval = 1h", {"'1h' is out of range", "from 10ms to 1m"});
  refuses("detector.phi = 0", {"from 0.5 to 20"});
  refuses("downing.strategy = keep-majorty",
          {"allowed: keep-majority, static-quorum, keep-oldest", "did you mean 'keep-majority'?"});
  refuses("node.name = bad", {"'bad' cannot be: nobody is called that"});
  refuses("node.seeds = a:1,b", {"'b' is not an address"});
  refuses("node.seeds = [\"a:1\", \"b:x\"]", {"'b:x'"});
  refuses("link.lanes = [1, 2]", {"takes one value and not a list"});
  refuses("link.lanes = 1\nlink.lanes = 2", {"f:2: 'link.lanes' was set in line 1 before"});
  refuses("link.lanes = 0\nlink.credit = 1\nnope.nope.nope = 1", {"f:1:", "f:2:", "f:3:"});
  refuses("log.json = \x01", {"f:1: the line holds a control character"});
  CHECK(example().find("nope") == nullptr);
}

TEST_CASE("config: a file that is none is refused with its line") {
  refuses("just words", {"f:1: 'just words' has no value"});
  refuses("\n[broken\n", {"f:2: a section is written like [membership]"});
  refuses("[a b]", {"'a b' is not a section"});
  refuses("[]", {"is not a section"});
  refuses("[a] b = 1", {"a section is written like"});
  refuses("a b = 1", {"'a b' is not a key"});
  refuses("= 1", {"'' is not a key"});
  refuses("a..b = 1", {"is not a key"});
  refuses("a = ", {"the value is missing"});
  refuses("a = # nothing", {"the value is missing"});
  refuses("a = \"open", {"the closing \" is missing"});
  refuses("a = \"open\\", {"the closing \" is missing"});
  refuses("a = \"x\" y", {"there is more after the value"});
  refuses("a = \"\\q\"", {"there is no escape \\q"});
  refuses("a = [1, 2,", {"the closing ] is missing"});
  refuses("a = [1 \"2\"]", {"f:1:"});
  refuses("a = [\"1\" 2]", {"a comma or ] is missing"});
  refuses("a = [,]", {"an element of the list is missing"});
  refuses(std::string(config::file_size_max + 1, '#'), {"larger than 1 MiB"});
  const auto options = example();
  CHECK(config::load(options, {.file = "/nowhere/x.conf"})
            .error()
            .find("/nowhere/x.conf: the configuration file cannot be read") == 0);
  CHECK(config::load(options, {.file = "/"}).error().find("cannot be read") != std::string::npos);
  test::temp_directory dir;
  test::write_file(dir / "f", "link.lanes = 9");
  CHECK(config::load(options, {.file = (dir / "f").string()}).value().integer("link.lanes") == 9);
}

TEST_CASE("config: unknown variables and flags are refused too") {
  const auto options = example();
  auto loaded = config::load(
      options, {.environment = {{"TROUPE_LINK_LANE", "3"}}, .flags = {{"link.lane", "3"}}});
  REQUIRE(!loaded);
  CHECK(loaded.error() ==
        "TROUPE_LINK_LANE: no option has this variable; did you mean 'TROUPE_LINK_LANES'?\n"
        "--link.lane: there is no such option; did you mean 'link.lanes'?\n");
  loaded = config::load(options, {.environment = {{"TROUPE_LINK_LANES", "x"}}});
  CHECK(loaded.error() ==
        "TROUPE_LINK_LANES: 'link.lanes': 'x' is not a whole number; allowed: a whole number from "
        "1 to 16\n");
  ::setenv("TROUPE_TEST_VARIABLE", "a=b", 1);
  bool found = false;
  for (const auto& [name, text] : config::environment())
    found = found || (name == "TROUPE_TEST_VARIABLE" && text == "a=b");
  CHECK(found);
  ::unsetenv("TROUPE_TEST_VARIABLE");
}

TEST_CASE("config: a secret is never shown") {
  const auto options = example();
  const auto s =
      config::load(options, {.flags = {{"link.secret", "hunter2"}, {"node.name", "a \"b\""}}})
          .value();
  CHECK(s.text("link.secret") == "hunter2");
  CHECK(s.show().find("hunter2") == std::string::npos);
  CHECK(s.show().find("link.secret = \"***\"  # --link.secret") != std::string::npos);
  // what is shown is a file that says the same
  auto without_secret = s.show();
  const auto again = config::load_text(options, without_secret, "shown").value();
  CHECK(again.text("node.name") == "a \"b\"");
  CHECK(again.duration("membership.probe-interval") == 500ms);
}

TEST_CASE("config: the reference names every option") {
  const auto table = config::describe(example());
  CHECK(table.find("| `membership.probe-interval` | `500ms` | a duration like 500ms from 10ms to "
                   "1m | how often a node probes another |\n") != std::string::npos);
  CHECK(table.find("| `downing.strategy` | `keep-majority` | keep-majority, static-quorum, "
                   "keep-oldest | who stays |\n") != std::string::npos);
  CHECK(config::environment_name("membership.probe-interval") ==
        "TROUPE_MEMBERSHIP_PROBE_INTERVAL");
}

TEST_CASE("config: flags of a command line") {
  const auto options = example();
  const auto parse = [&](std::vector<std::string> words) {
    CLI::App app;
    config::sources from;
    config::add_flags(app, options, from);
    std::reverse(words.begin(), words.end());
    app.parse(words);
    return config::load(options, from);
  };
  const auto s =
      parse({"--link.lanes=3", "--log.json", "--node.roles", "a,b", "--link.lanes", "2"}).value();
  CHECK(s.integer("link.lanes") == 2);
  CHECK(s.flag("log.json"));
  CHECK(s.list("node.roles") == config::texts{"a", "b"});
  CHECK(!parse({"--log.json=false"}).value().flag("log.json"));
  CHECK(
      parse({"--link.lanes=99"}).error().find("--link.lanes: 'link.lanes': '99' is out of range") ==
      0);
  CHECK_THROWS_AS((void)parse({"--link.lane=3"}), CLI::ParseError);
  CLI::App app;
  config::sources from;
  config::add_flags(app, options, from);
  CHECK(app.help().find("--membership.probe-interval") != std::string::npos);
  CHECK(app.help().find("how often a node probes another") != std::string::npos);
}

TEST_CASE("config: the runtime's own options") {
  config::schema options;
  declare_runtime_options(options);
  const auto s = config::load(options, {.environment = {{"TROUPE_LOG_LEVEL", "warn,link=debug"},
                                                        {"TROUPE_LOG_FORMAT", "json"}}})
                     .value();
  CHECK(log_settings(s).levels == "warn,link=debug");
  CHECK(log_settings(s).json);
  CHECK(config::load(options, {.flags = {{"log.level", "loud"}}})
            .error()
            .find("there is no log level 'loud'") != std::string::npos);
}
