// troupe calc: the pure algorithms, JSON in, JSON out.
#include "cluster/program/calc/calc.hpp"

#include "cluster/program/command.hpp"
#include "cluster/program/files.hpp"
#include "cluster/program/json.hpp"
#include "runtime/config/nearest.hpp"

#include <iostream>

namespace troupe::program {
namespace {
struct options {
  std::string name, input = "-";
  bool about = false, as_json = false;
};

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size() + 1, width), ' ');
  return text;
}

std::string_view type_name(calc::type t) {
  constexpr std::string_view names[] = {"number",  "count", "truth", "text",   "time",   "hex",
                                        "numbers", "times", "texts", "object", "objects"};
  return names[static_cast<std::size_t>(t)];
}

void append_fields(std::string& text, const std::vector<calc::field>& fields, std::size_t indent) {
  for (const auto& f : fields) {
    text += std::string(indent, ' ') + padded(f.name, 19 - indent) +
            padded(std::string{type_name(f.what)}, 9) + f.help;
    if (!f.values.empty()) {
      text += ": ";
      for (const auto& v : f.values) text += (&v == &f.values.front() ? "" : ", ") + v;
    }
    text += f.usual.is_null() ? "" : " [" + one_line(f.usual) + "]";
    text += '\n';
    append_fields(text, f.of, indent + 2);
  }
}

std::string about(const calc::calculation& c) {
  std::string text = "troupe calc " + c.name + ": " + c.help + "\nSource: " + c.source +
                     "\n\nTakes a JSON object:\n";
  append_fields(text, c.takes, 2);
  return text +
         "Fields with a usual value in [] may be left out. A time is milliseconds, or a text such "
         "as \"1.5s\".\n\nGives: " +
         c.gives + "\n\nUsage: echo '" + c.example + "' | troupe calc " + c.name + '\n';
}

exit_code list(bool as_json) {
  if (as_json) {
    auto out = calc::json::array();
    for (const auto& c : calc::all())
      out.push_back({{"name", c.name},
                     {"help", c.help},
                     {"source", c.source},
                     {"example", calc::json::parse(c.example)}});
    std::cout << one_line(out) << '\n';
    return exit_code::done;
  }
  for (const auto& c : calc::all()) std::cout << padded(c.name, 20) << c.help << '\n';
  return exit_code::done;
}

exit_code calculate(const options& given) {
  if (given.name.empty()) {
    if (given.about)
      std::cout << "usage: troupe calc [NAME] [--input FILE] [--json]\n\n"
                   "Runs a pure algorithm: JSON on standard input, JSON on standard output. These "
                   "there are;\n"
                   "`troupe calc NAME --help` explains one. Exit codes: 0 done; 2 wrong usage or "
                   "input.\n\n";
    return list(given.as_json);
  }
  const auto* const what = calc::named(given.name);
  if (what == nullptr) {
    std::vector<std::string> known;
    for (const auto& c : calc::all()) known.push_back(c.name);
    const auto meant = config::nearest(given.name, known);
    return fail(exit_code::usage, "there is nothing to calculate by the name '" + given.name + "'" +
                                      (meant.empty() ? "" : "; did you mean '" + meant + "'?") +
                                      "; `troupe calc` lists what there is");
  }
  if (given.about) {
    std::cout << about(*what);
    return exit_code::done;
  }
  const auto input = bytes_of(given.input);
  if (!input) return fail(exit_code::usage, "the file " + given.input + " cannot be read");
  const auto got = calc::calculate(*what, *input);
  if (!got) return fail(exit_code::usage, given.name + ": " + got.error());
  std::cout << one_line(*got) << '\n';
  return exit_code::done;
}
}  // namespace

void add_calc(verbs& all) {
  CLI::App* verb = nullptr;
  auto given =
      add_verb<options>(all, "calc", "Run a pure algorithm: JSON in, JSON out", &calculate, verb);
  verb->set_help_flag();  // a calculation has a help of its own
  verb->add_flag("-h,--help", given->about, "print this help, or that of NAME");
  verb->add_option("NAME", given->name, "which one; without it they are listed");
  verb->add_option("--input", given->input, "file with the JSON; standard input unless given")
      ->type_name("FILE");
  verb->add_flag("--json", given->as_json, "list as JSON; what is calculated always is");
}
}  // namespace troupe::program
