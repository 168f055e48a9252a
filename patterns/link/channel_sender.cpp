#include "patterns/link/channel.hpp"
#include "patterns/link/crc32c.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace troupe::channel {
std::uint32_t checksum_of(const chunk& c) {
  char head[34];
  std::memcpy(head, &c.channel, 8);
  std::memcpy(head + 8, &c.sender, 8);
  std::memcpy(head + 16, &c.position, 8);
  std::memcpy(head + 24, &c.receiver, 8);
  head[32] = c.last ? 1 : 0;
  head[33] = c.probe ? 1 : 0;
  return crc32c(c.data, crc32c({head, sizeof head}));
}

failed refuse(id channel) { return {channel, reason::restarted, "there is no such channel here"}; }

sender::sender(id channel, id start, settings s, instant now)
    : channel_{channel}, start_{start}, settings_{s}, away_since_{now}, patience_{s.retry} {
  settings_.chunk = std::clamp<std::size_t>(s.chunk, 1, chunk_max);
}

void sender::step(write&& in, instant now, output& out) {
  if (closing()) {
    out.refused = true;
    return;
  }
  for (std::size_t at = 0; at < in.data.size();) {
    const auto size = std::min(settings_.chunk, in.data.size() - at);
    const bool unsent = !pieces_.empty() && pieces_.back().position >= sent_;
    if (unsent && pieces_.back().data.size() + size <= settings_.chunk) {
      pieces_.back().data.append(in.data, at, size);
    } else if (size == in.data.size()) {
      pieces_.push_back({end_, std::move(in.data)});
    } else {
      pieces_.push_back({end_, in.data.substr(at, size)});
    }
    end_ += size;
    at += size;
  }
  pump(now, out);
}

void sender::on(const finish&, instant now, output& out) {
  if (closing()) {
    out.refused = true;
    return;
  }
  finishing_ = true;
  pump(now, out);
}

void sender::on(const abort& in, instant, output& out) {
  if (!over()) end(reason::aborted, in.sentence, true, out);
}

void sender::on(const credit& in, instant now, output& out) {
  if (in.channel != channel_) return;
  // meant for an earlier start of ours: the receiver will fail at our first chunk, if it has not ended
  if (in.sender != 0 && in.sender != start_) return;
  if (state_ == state::done) return out.send.push_back(closed{channel_});
  if (state_ == state::failed) {
    return out.send.push_back(failed{channel_, why_, "the sender has failed"});
  }
  if (receiver_ == 0) receiver_ = in.receiver;
  if (in.receiver != receiver_) {
    return end(reason::restarted, "the receiver has started anew and forgotten what it had", true,
               out);
  }
  heard_ = now;
  if (in.received > acknowledged_) {
    if (!acknowledge(in.received)) {
      return end(reason::violated, "the receiver acknowledged what was not sent", true, out);
    }
    moved_ = now;
    patience_ = settings_.retry;
  }
  limit_ = std::max(limit_, in.limit);
  if (in.finished) {
    if (!last_left_ || in.received != end_) {
      return end(reason::violated, "the receiver acknowledged an end that was not sent", true, out);
    }
    state_ = state::done;
    out.done = true;
    return out.send.push_back(closed{channel_});
  }
  if (state_ != state::open) return;
  if (in.again && in.round >= rewound_ && in.received == acknowledged_) return rewind(now, out);
  pump(now, out);
}

// What was received ends where a piece does: pieces are never cut once they have left.
bool sender::acknowledge(std::uint64_t received) {
  if (received > sent_) return false;
  while (!pieces_.empty() && pieces_.front().position + pieces_.front().data.size() <= received) {
    pieces_.pop_front();
    if (next_ > 0) --next_;
  }
  if (!pieces_.empty() && pieces_.front().position != received) return false;
  acknowledged_ = received;
  return true;
}

void sender::on(const failed& in, instant, output& out) {
  if (in.channel == channel_ && !over()) end(in.why, in.sentence, false, out);
}

void sender::on(const attached&, instant now, output& out) {
  if (over()) return;
  state_ = state::open;
  heard_ = moved_ = now;
  patience_ = settings_.retry;
  rewind(now, out);
  if (next_ == 0 && !last_sent_) ask(now, out);
}

void sender::on(const detached&, instant now, output&) {
  if (state_ != state::open) return;
  state_ = state::away;
  away_since_ = now;
}

void sender::on(const peer_died&, instant, output& out) {
  if (over()) return;
  if (last_left_ && sent_ == end_) {
    return end(reason::unknown, "the receiver has ended before it acknowledged the end", false,
               out);
  }
  end(reason::died, "the receiver has ended", false, out);
}

void sender::on(const tick&, instant now, output& out) {
  if (over()) return;
  if (state_ == state::away) {
    if (now - away_since_ >= settings_.resume) {
      end(reason::unreachable, "the receiver was away for too long", false, out);
    }
    return;
  }
  if (now - heard_ >= settings_.silence) {
    return end(reason::silent, "the receiver does not answer", true, out);
  }
  const bool waiting = !pieces_.empty() || last_sent_;
  if (waiting && now - moved_ >= patience_) {
    patience_ = std::min(patience_ * 2, settings_.silence / 4);
    moved_ = now;
    return ask(now, out);
  }
  if (now - left_ >= settings_.silence / 4) ask(now, out);
}

// What comes after all that was sent: if something before it is missing, the receiver says so. Sending
// all of it again, unasked, would drown a link that is merely slow.
void sender::ask(instant now, output& out) {
  ++round_;
  if (last_sent_) return emit(end_, {}, true, false, now, out);
  emit(next_ < pieces_.size() ? pieces_[next_].position : end_, {}, false, true, now, out);
}

void sender::rewind(instant now, output& out) {
  rewound_ = ++round_;
  next_ = 0;
  last_sent_ = false;
  pump(now, out);
}

void sender::pump(instant now, output& out) {
  if (state_ != state::open) return;
  for (; next_ < pieces_.size(); ++next_) {
    auto& piece = pieces_[next_];
    const auto room = limit_ > piece.position ? limit_ - piece.position : 0;
    if (room < piece.data.size()) {
      // a window smaller than a chunk: cut what has never left, if nothing is under way to make room
      if (room == 0 || next_ > 0 || piece.position < sent_) return;
      std::string rest = piece.data.substr(room);
      piece.data.resize(room);
      const auto position = piece.position + room;
      pieces_.insert(pieces_.begin() + 1, {position, std::move(rest)});
    }
    auto& leaving = pieces_[next_];
    if (next_ == 0) moved_ = std::max(moved_, now);
    sent_ = std::max(sent_, leaving.position + leaving.data.size());
    emit(leaving.position, leaving.data, false, false, now, out);
  }
  if (finishing_ && !last_sent_) {
    last_sent_ = last_left_ = true;
    moved_ = now;
    emit(end_, {}, true, false, now, out);
  }
}

void sender::emit(std::uint64_t position, std::string data, bool last, bool probe, instant now,
                  output& out) {
  chunk c{channel_, start_, receiver_, round_, position, 0, last, probe, std::move(data)};
  c.checksum = checksum_of(c);
  left_ = now;
  out.send.push_back(std::move(c));
}

void sender::end(reason why, std::string sentence, bool tell, output& out) {
  state_ = state::failed;
  why_ = why;
  if (tell) out.send.push_back(failed{channel_, why, sentence});
  out.broken = failure{why, std::move(sentence)};
  pieces_.clear();
  next_ = 0;
  acknowledged_ = end_;
}
}  // namespace troupe::channel
