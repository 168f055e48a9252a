#include "actors/lock/redis_scripts.hpp"
namespace troupe::lock {
namespace {
// A place's record is "TICKET SESSION INBOX BYTES": under what it stands, which store asked for it, and what it is. Who
// reads a line sorts it: a sorted set would format each score anew.
constexpr const char* common = R"lua(
local P = string.sub(KEYS[1], 1, -7)
local call = redis.call
local function tell(inboxes, id, but)
  for inbox in string.gmatch(inboxes, '%S+') do
    if inbox ~= but then call('PUBLISH', P .. 'inbox:' .. inbox, id) end
  end
end
local function session_in(record)
  return string.match(record, '^%d+ (%S*)') or ''
end
local function take_out(lock, id, record, but)
  local session, inbox = string.match(record, '^%d+ (%S*) (%S*) ')
  call('HDEL', P .. 'line:' .. lock, id)
  if session and session ~= '' then call('HDEL', P .. 'session:' .. session, id) end
  tell(inbox or '', id, but)
  local waiting = call('HGET', P .. 'awaited:' .. lock, id)
  if waiting then
    call('HDEL', P .. 'awaited:' .. lock, id)
    tell(waiting, id, but)
  end
  if call('EXISTS', P .. 'line:' .. lock) == 0 then call('SREM', P .. 'locks', lock) end
end
local function line_of(lock)
  local all = call('HGETALL', P .. 'line:' .. lock)
  local alive, left = {[''] = 1}, nil
  for i = 2, #all, 2 do
    local session = session_in(all[i])
    if not alive[session] then
      alive[session] = call('EXISTS', P .. 'session:' .. session)
    end
    if alive[session] == 0 then
      take_out(lock, all[i - 1], all[i], '')
      left = left or {}
    end
  end
  if not left then return all end
  for i = 2, #all, 2 do
    if alive[session_in(all[i])] == 1 then
      left[#left + 1] = all[i - 1]
      left[#left + 1] = all[i]
    end
  end
  return left
end
)lua";

// session, ttl in ms -> 1; 0: it is there already
constexpr const char* open = R"lua(
local key = P .. 'session:' .. ARGV[1]
if call('HSETNX', key, '', ARGV[2]) == 0 then return 0 end
return call('PEXPIRE', key, ARGV[2])
)lua";

// session -> its fields: '' and the ttl, each place's id and "INBOX LOCK"; nothing: it has ended. A line that nobody asks
// for any more is swept by those who live.
constexpr const char* renew = R"lua(
local key = P .. 'session:' .. ARGV[1]
local ttl = call('HGET', key, '')
if not ttl then return false end
call('PEXPIRE', key, ttl)
local some = call('SRANDMEMBER', P .. 'locks')
if some then line_of(some) end
return call('HGETALL', key)
)lua";

// session -> 1; 0: it had ended
constexpr const char* close = R"lua(
local key = P .. 'session:' .. ARGV[1]
local fields = call('HGETALL', key)
for i = 1, #fields, 2 do
  local id, lock = fields[i], string.match(fields[i + 1], '^%S* (.*)$')
  local record = id ~= '' and call('HGET', P .. 'line:' .. lock, id)
  if record then take_out(lock, id, record, '') end
end
return call('DEL', key)
)lua";

// session, lock, id, inbox, bytes -> the line (id, record, ...) and the ticket; -1: no session; -2: it was given up.
// Who stands already is written again, so that a WAIT behind it has something to wait for.
constexpr const char* stand = R"lua(
local session, lock, id, inbox, bytes = unpack(ARGV)
if session ~= '' and call('EXISTS', P .. 'session:' .. session) == 0 then return -1 end
if call('EXISTS', P .. 'left:' .. id) == 1 then return -2 end
local all = line_of(lock)
local known = call('HGET', P .. 'line:' .. lock, id)
local ticket
if known then
  ticket = string.match(known, '^%d+')
  call('HSET', P .. 'line:' .. lock, id, known)
else
  local clock = call('TIME')
  local last = tonumber(call('GET', KEYS[1]) or '0')
  ticket = string.format('%.0f', math.max(last + 1, clock[1] * 1000000 + clock[2]))
  call('SET', KEYS[1], ticket)
  local record = ticket .. ' ' .. session .. ' ' .. inbox .. ' ' .. bytes
  call('HSET', P .. 'line:' .. lock, id, record)
  if session ~= '' then call('HSET', P .. 'session:' .. session, id, inbox .. ' ' .. lock) end
  if #all == 0 then call('SADD', P .. 'locks', lock) end
  all[#all + 1] = id
  all[#all + 1] = record
end
all[#all + 1] = ticket
return all
)lua";

// session (empty: whoever's), lock, id, inbox -> 1; 0: it was not there. A stand that was lost on its way may come after
// this: it finds that it was given up. (Without memory for that it has none for its place either.)
constexpr const char* leave = R"lua(
local session, lock, id, inbox = unpack(ARGV)
local record = call('HGET', P .. 'line:' .. lock, id)
if not record then
  redis.pcall('SET', P .. 'left:' .. id, '', 'PX', 600000)
  return 0
end
if session ~= '' and session_in(record) ~= session then return 0 end
take_out(lock, id, record, inbox)
return 1
)lua";

// lock -> its line
constexpr const char* look = R"lua(
return line_of(ARGV[1])
)lua";

// lock, inbox, then id, ticket of each -> 0: one is gone; else after how many ms one may be, if its session is not renewed;
// -1: not by itself. The inbox is told.
constexpr const char* await = R"lua(
local lock, inbox = ARGV[1], ARGV[2]
local after = -1
for i = 3, #ARGV, 2 do
  local id = ARGV[i]
  local record = call('HGET', P .. 'line:' .. lock, id)
  if not record or string.match(record, '^%d+') ~= ARGV[i + 1] then return 0 end
  local session = session_in(record)
  if session ~= '' then
    local left = call('PTTL', P .. 'session:' .. session)
    if left == -2 then
      take_out(lock, id, record, inbox)
      return 0
    end
    if left >= 0 and (after < 0 or left < after) then after = left + 1 end
  end
end
for i = 3, #ARGV, 2 do
  local known = call('HGET', P .. 'awaited:' .. lock, ARGV[i]) or ''
  if not string.find(known, inbox, 1, true) then
    call('HSET', P .. 'awaited:' .. lock, ARGV[i], known .. ' ' .. inbox)
  end
end
return after
)lua";

// -> lock, line, lock, line, ...
constexpr const char* survey = R"lua(
local all = {}
for _, lock in ipairs(call('SMEMBERS', P .. 'locks')) do
  all[#all + 1] = lock
  all[#all + 1] = line_of(lock)
end
return all
)lua";
}  // namespace

const std::array<std::string, redis_scripts>& redis_texts() {
  static const auto all = [] {
    std::array<std::string, redis_scripts> made{open,  renew, close, stand,
                                                leave, look,  await, survey};
    for (auto& text : made) text = common + text;
    return made;
  }();
  return all;
}
}  // namespace troupe::lock
