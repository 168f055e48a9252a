#include "patterns/link/channel.hpp"

#include <algorithm>
#include <utility>

namespace troupe::channel {
receiver::receiver(id channel, id start, settings s, instant now)
    : channel_{channel}, start_{start}, settings_{s}, away_since_{now} {
  settings_.window = std::max<std::size_t>(s.window, 1);
}

void receiver::step(chunk&& in, instant now, output& out) {
  if (in.channel != channel_) return;
  if (state_ == state::failed) {
    return out.send.push_back(failed{channel_, why_, "the receiver has failed"});
  }
  if (const auto fault = fault_of(in)) return end(fault->why, fault->sentence, true, out);
  sender_ = in.sender;
  heard_ = now;
  if (in.round > round_) {
    round_ = in.round;
    asked_ = answered_ = false;
  }
  if (state_ == state::ended) return tell(false, out);
  if (in.position > received_) {
    if (!asked_ && in.round == round_) {
      asked_ = true;
      tell(true, out);
    }
  } else if (in.position < received_ || (in.data.empty() && !in.last)) {
    if (in.probe || !answered_) tell(false, out);
    answered_ = answered_ || !in.probe;
  } else {
    take(std::move(in), now, out);
  }
}

std::optional<failure> receiver::fault_of(const chunk& in) const {
  const auto violated = [](const char* sentence) { return failure{reason::violated, sentence}; };
  if (checksum_of(in) != in.checksum)
    return failure{reason::corrupted, "a chunk's checksum is wrong"};
  if (sender_ != 0 && in.sender != sender_) {
    return failure{reason::restarted, "the sender has started anew and forgotten what it had sent"};
  }
  if (in.receiver != 0 && in.receiver != start_) {
    return failure{reason::restarted, "the receiver has started anew and forgotten what it had"};
  }
  if (in.data.size() > chunk_max) return violated("the sender sent a chunk of more than 64 KiB");
  if (!in.data.empty() && (in.last || in.probe))
    return violated("the sender sent an end that holds data");
  if (!in.data.empty() &&
      (in.position > told_limit_ || in.data.size() > told_limit_ - in.position)) {
    return violated("the sender sent more than it had credit for");
  }
  if (in.position < received_ && in.position + in.data.size() > received_) {
    return violated("the sender cut its data in two ways");
  }
  if (in.last && in.position < received_)
    return violated("the sender ended before what it had sent");
  if (state_ == state::ended && in.position + in.data.size() > received_) {
    return violated("the sender went on after its end");
  }
  return std::nullopt;
}

void receiver::take(chunk&& in, instant now, output& out) {
  if (in.last) {
    state_ = state::ended;
    ended_at_ = now;
    out.ended = true;
    return tell(false, out);
  }
  received_ += in.data.size();
  out.delivered.push_back(std::move(in.data));
  if (received_ - told_received_ >= settings_.window / 4) tell(false, out);
}

void receiver::on(const closed& in, instant, output& out) {
  if (in.channel == channel_ && state_ == state::ended) out.released = true;
}

void receiver::on(const failed& in, instant, output& out) {
  if (in.channel != channel_) return;
  if (state_ == state::ended) {
    out.released = true;
  } else if (state_ != state::failed) {
    end(in.why, in.sentence, false, out);
  }
}

void receiver::on(const consumed& in, instant, output& out) {
  consumed_ = std::min(received_, consumed_ + in.bytes);
  const auto limit = consumed_ + settings_.window;
  // an empty window is opened at once when it can take a chunk, others by quarters
  const auto step = std::max<std::size_t>(settings_.window / 4, 1);
  if (state_ == state::open && limit - told_limit_ >= step) tell(false, out);
}

void receiver::on(const abort& in, instant, output& out) {
  if (!over()) end(reason::aborted, in.sentence, true, out);
}

void receiver::on(const attached&, instant now, output& out) {
  if (over()) return;
  state_ = state::open;
  heard_ = now;
  tell(false, out);
}

void receiver::on(const detached&, instant now, output&) {
  if (state_ != state::open) return;
  state_ = state::away;
  away_since_ = now;
}

void receiver::on(const peer_died&, instant, output& out) {
  if (state_ == state::ended) out.released = true;
  if (!over()) end(reason::died, "the sender has ended before its data did", false, out);
}

void receiver::on(const tick&, instant now, output& out) {
  if (state_ == state::ended && now - ended_at_ >= settings_.resume) out.released = true;
  if (over()) return;
  if (state_ == state::away) {
    if (now - away_since_ >= settings_.resume) {
      end(reason::unreachable, "the sender was away for too long", false, out);
    }
  } else if (now - heard_ >= settings_.silence) {
    end(reason::silent, "the sender does not answer", true, out);
  } else if (received_ != told_received_ || consumed_ + settings_.window != told_limit_) {
    tell(false, out);
  }
}

void receiver::tell(bool again, output& out) {
  told_received_ = received_;
  told_limit_ = consumed_ + settings_.window;
  out.send.push_back(credit{channel_, start_, round_, received_, told_limit_, again,
                            state_ == state::ended, sender_});
}

void receiver::end(reason why, std::string sentence, bool tell, output& out) {
  if (state_ == state::ended) {  // all has been delivered: nothing that comes now takes it back
    out.released = true;
    return;
  }
  state_ = state::failed;
  why_ = why;
  if (tell) out.send.push_back(failed{channel_, why, sentence});
  out.broken = failure{why, std::move(sentence)};
}
}  // namespace troupe::channel
