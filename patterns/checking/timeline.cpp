#include "patterns/checking/timeline.hpp"

#include <algorithm>
#include <map>

namespace troupe::checking {
namespace {
// Where each operation begins and ends, in columns.
struct bar {
  const operation* op = nullptr;
  std::size_t from = 0, to = 0;
  std::size_t lane = 0;  // in the page: those of one process that overlap stand below one another
};
struct picture {
  std::vector<bar> bars{};
  std::size_t columns = 0;
};

picture picture_of(const operations& ops) {
  picture p;
  const auto shown = std::min(ops.size(), timeline_operations_max);
  std::map<place, std::size_t> columns;
  for (std::size_t i = 0; i < shown; ++i) {
    columns[ops[i].invoked];
    if (ops[i].returned != never) columns[ops[i].returned];
  }
  for (auto& [at, column] : columns) column = p.columns++;
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& op = ops[i];
    p.bars.push_back({&op, columns.at(op.invoked),
                      op.returned == never ? p.columns : columns.at(op.returned), 0});
  }
  return p;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string label(const operation& op) {
  return (op.key.empty() ? "" : to_string(op.key) + ": ") + to_string(op);
}

std::string left_out(const operations& ops) {
  if (ops.size() <= timeline_operations_max) return {};
  return "and " + std::to_string(ops.size() - timeline_operations_max) + " more\n";
}

std::string milliseconds(std::int64_t ns) {
  const auto us = ns / 1000;
  auto rest = std::to_string(us % 1000 < 0 ? -(us % 1000) : us % 1000);
  rest.insert(0, 3 - rest.size(), '0');
  return std::to_string(us / 1000) + '.' + rest;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// Lanes: those of a process stand together, the processes by their numbers.
struct lanes {
  std::vector<std::int64_t> process{};  // of each lane
};
lanes put_into_lanes(picture& p) {
  std::map<std::int64_t, std::vector<bar*>> processes;
  for (auto& b : p.bars) processes[b.op->process].push_back(&b);
  lanes all;
  for (auto& [process, bars] : processes) {
    std::vector<std::size_t> free_from;  // of each lane of this process
    const auto first = all.process.size();
    for (auto* b : bars) {
      const auto at = std::find_if(free_from.begin(), free_from.end(),
                                   [&](std::size_t from) { return from <= b->from; });
      const auto lane = static_cast<std::size_t>(at - free_from.begin());
      if (at == free_from.end()) free_from.push_back(0);
      free_from[lane] = b->to + 1;
      b->lane = first + lane;
    }
    all.process.resize(first + free_from.size(), process);
  }
  return all;
}

constexpr std::size_t column_width = 56, lane_height = 34, margin = 110, top = 10;

constexpr std::string_view page_style =
    "body{font:14px/1.5 system-ui,sans-serif;margin:24px;color:#1b1f24;background:#fff}"
    "h1{font-size:18px;margin:0 0 4px}p{margin:0 0 16px}.scroll{overflow-x:auto}"
    "text{font:12px ui-monospace,monospace;fill:currentColor}"
    ".lane{stroke:currentColor;stroke-opacity:.15}"
    ".ok{fill:#cfe8d5;stroke:#2b7a45}.info{fill:#fdeac4;stroke:#b07908;stroke-dasharray:4 3}"
    ".fail{fill:#f6d5d3;stroke:#b3332b}"
    "table{border-collapse:collapse;margin-top:20px}"
    "td,th{padding:2px 14px 2px 0;text-align:left;font-weight:normal}"
    "th{border-bottom:1px solid;opacity:.7}td{font:12px ui-monospace,monospace}"
    "@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#15181c}"
    ".ok{fill:#1f4a2d}.info{fill:#4d3a0d}.fail{fill:#52211e}}";

std::string times(const operation& op) {
  return milliseconds(op.from) + " to " +
         (op.end == outcome::info ? "unknown" : milliseconds(op.to)) + " ms";
}

std::string svg_bar(const bar& b) {
  const auto& op = *b.op;
  const auto x = margin + b.from * column_width, y = top + b.lane * lane_height;
  const auto width = std::max<std::size_t>(b.to - b.from, 1) * column_width - 4;
  const auto text = label(op);
  std::string out = "<g><title>" + escaped(text + ", " + times(op)) + "</title><rect class=\"" +
                    std::string{to_string(op.end)} + "\" rx=\"4\" x=\"" + std::to_string(x) +
                    "\" y=\"" + std::to_string(y) + "\" width=\"" + std::to_string(width) +
                    "\" height=\"24\"/>";
  // as much of the label as has room: a letter is some seven wide
  const auto room = width / 7;
  const auto cut = text.size() <= room ? text : text.substr(0, room > 2 ? room - 2 : 0) + "..";
  return out + "<text x=\"" + std::to_string(x + 4) + "\" y=\"" + std::to_string(y + 16) + "\">" +
         escaped(cut) + "</text></g>\n";
}
}  // namespace

std::string text_timeline(const operations& ops) {
  const auto p = picture_of(ops);
  std::size_t name_width = 0, label_width = 0;
  for (const auto& b : p.bars) {
    name_width = std::max(name_width, std::to_string(b.op->process).size());
    label_width = std::max(label_width, std::min<std::size_t>(label(*b.op).size(), 60));
  }
  // many columns are drawn narrow, so that a line stays a line
  const std::size_t width = p.columns > 60 ? 1 : p.columns > 30 ? 2 : 4;
  std::string out;
  for (const auto& b : p.bars) {
    const bool open = b.op->returned == never;
    std::string line(b.from * width, ' ');
    line += '[';
    line.append((b.to - b.from) * width - (width > 1 || open ? 1 : 0), open ? '~' : '=');
    line += open ? '>' : b.op->end == outcome::fail ? 'x' : ']';
    out += "process " + padded(std::to_string(b.op->process), name_width) + "  " +
           padded(label(*b.op), label_width) + "  " + line + '\n';
  }
  return out + left_out(ops);
}

std::string html_timeline(const operations& ops, std::string_view title,
                          std::string_view sentence) {
  auto p = picture_of(ops);
  const auto all = put_into_lanes(p);
  const auto width = margin + p.columns * column_width + 20;
  const auto height = top + all.process.size() * lane_height + 10;
  std::string out = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" +
                    escaped(title) + "</title><style>" + std::string{page_style} +
                    "</style></head><body>\n<h1>" + escaped(title) + "</h1><p>" +
                    escaped(sentence) + "</p>\n<div class=\"scroll\"><svg width=\"" +
                    std::to_string(width) + "\" height=\"" + std::to_string(height) + "\">\n";
  for (std::size_t lane = 0; lane < all.process.size(); ++lane) {
    const auto y = std::to_string(top + lane * lane_height + 12);
    out += "<line class=\"lane\" x1=\"" + std::to_string(margin) + "\" x2=\"" +
           std::to_string(width) + "\" y1=\"" + y + "\" y2=\"" + y + "\"/>";
    if (lane == 0 || all.process[lane - 1] != all.process[lane])
      out += "<text x=\"4\" y=\"" + std::to_string(top + lane * lane_height + 16) + "\">process " +
             std::to_string(all.process[lane]) + "</text>\n";
  }
  for (const auto& b : p.bars) out += svg_bar(b);
  out +=
      "</svg></div>\n<table><tr><th>process</th><th>operation</th><th>end</th><th>time</th></tr>\n";
  for (const auto& b : p.bars)
    out += "<tr><td>" + std::to_string(b.op->process) + "</td><td>" + escaped(label(*b.op)) +
           "</td><td>" + std::string{to_string(b.op->end)} + "</td><td>" + escaped(times(*b.op)) +
           "</td></tr>\n";
  return out + "</table><p>" + escaped(left_out(ops)) + "</p></body></html>\n";
}
}  // namespace troupe::checking
