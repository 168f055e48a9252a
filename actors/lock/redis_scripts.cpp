#include "actors/lock/redis_scripts.hpp"
namespace troupe::lock {
namespace {
constexpr const char* common = R"lua(
local P = string.sub(KEYS[1], 1, -7)
local call = redis.call
local function session_in(record)
  return string.match(record, '^%d+ (%S*)') or ''
end
local function take_out(lock, id, record, but)
  local session, inboxes = string.match(record, '^%d+ (%S*) (%S*) ')
  call('HDEL', P .. 'line:' .. lock, id)
  call('HDEL', P .. 'under:' .. (session or ''), id)
  for inbox in string.gmatch(inboxes or '', '[^,]+') do
    if inbox ~= but then call('PUBLISH', P .. 'inbox:' .. inbox, id) end
  end
end
)lua";

constexpr const char* lines = R"lua(
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

constexpr const char* ends = R"lua(
local function end_of(session)
  local fields = call('HGETALL', P .. 'under:' .. session)
  for i = 1, #fields, 2 do
    local lock = string.match(fields[i + 1], '^%S* (.*)$')
    local record = lock and call('HGET', P .. 'line:' .. lock, fields[i])
    if record then take_out(lock, fields[i], record, '') end
  end
  call('DEL', P .. 'under:' .. session)
  call('SREM', P .. 'sessions', session)
end
)lua";

constexpr const char* clocks = R"lua(
local function at_clock()
  local clock = call('TIME')
  local now = clock[1] * 1000000 + clock[2]
  if now > tonumber(call('GET', KEYS[1]) or '0') then
    call('SET', KEYS[1], string.format('%.0f', now))
    return now
  end
  return call('INCR', KEYS[1])
end
)lua";

// -> the ticket that it begins at
constexpr const char* begin = R"lua(
return at_clock()
)lua";

// session, ttl in ms -> 1; 0: it is there already
constexpr const char* open = R"lua(
if not call('SET', P .. 'session:' .. ARGV[1], ARGV[2], 'PX', ARGV[2], 'NX') then return 0 end
call('SADD', P .. 'sessions', ARGV[1])
return 1
)lua";

// session -> what stands under it: id, "INBOX LOCK", ...; nothing: it has ended. Another, drawn by chance, is swept if it has.
constexpr const char* renew = R"lua(
local ttl = call('GET', P .. 'session:' .. ARGV[1])
if not ttl then return false end
call('PEXPIRE', P .. 'session:' .. ARGV[1], ttl)
local other = call('SRANDMEMBER', P .. 'sessions')
if other and call('EXISTS', P .. 'session:' .. other) == 0 then end_of(other) end
return call('HGETALL', P .. 'under:' .. ARGV[1])
)lua";

// session -> 1; 0: it had ended
constexpr const char* close = R"lua(
local was = call('DEL', P .. 'session:' .. ARGV[1])
end_of(ARGV[1])
return was
)lua";

// session, lock, id, inbox, bytes -> the line (id, record, ...) and the ticket; -1: no session; -2: it was given up.
// Who stands already is written again, so that a WAIT behind it has something to wait for.
constexpr const char* stand = R"lua(
local session, lock, id, inbox, bytes = unpack(ARGV)
local under, line = P .. 'under:' .. session, P .. 'line:' .. lock
if session == '' then
  if call('EXISTS', P .. 'left:' .. id) == 1 then return -2 end
elseif call('EXISTS', P .. 'session:' .. session) == 0 then
  return -1
end
local known
if call('HSETNX', under, id, inbox .. ' ' .. lock) == 0 then
  if call('HGET', under, id) == '-' then return -2 end
  known = call('HGET', line, id)
end
local all = line_of(lock)
local ticket
if known then
  ticket = string.match(known, '^%d+')
  call('HSET', line, id, known)
else
  local number = call('INCR', KEYS[1])
  if number < 1e15 then number = at_clock() end
  ticket = string.format('%.0f', number)
  local record = ticket .. ' ' .. session .. ' ' .. inbox .. ' ' .. bytes
  call('HSET', line, id, record)
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
if record then
  if session ~= '' and session_in(record) ~= session then return 0 end
  take_out(lock, id, record, inbox)
  return 1
end
if session == '' then
  redis.pcall('SET', P .. 'left:' .. id, '', 'PX', 600000)
elseif call('EXISTS', P .. 'session:' .. session) == 1 then
  redis.pcall('HSETNX', P .. 'under:' .. session, id, '-')
end
return 0
)lua";

// lock -> its line
constexpr const char* look = R"lua(
return line_of(ARGV[1])
)lua";

// lock, inbox, then id, ticket of each -> 0: one is gone; else after how many ms one may be, if its session is not renewed;
// -1: not by itself. The inbox is told.
constexpr const char* await = R"lua(
local lock, inbox = ARGV[1], ARGV[2]
local after, records = -1, {}
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
  records[id] = record
end
for id, record in pairs(records) do
  local head, inboxes, rest = string.match(record, '^(%d+ %S* )(%S*)(.*)$')
  if not string.find(inboxes, inbox, 1, true) then
    call('HSET', P .. 'line:' .. lock, id, head .. inboxes .. ',' .. inbox .. rest)
  end
end
return after
)lua";

// -> lock, line, lock, line, ...
constexpr const char* survey = R"lua(
local sessions, names, all = call('SMEMBERS', P .. 'sessions'), {}, {}
sessions[#sessions + 1] = ''
for _, session in ipairs(sessions) do
  if session ~= '' and call('EXISTS', P .. 'session:' .. session) == 0 then
    end_of(session)
  else
    for _, where in ipairs(call('HVALS', P .. 'under:' .. session)) do
      local lock = string.match(where, '^%S* (.*)$')
      if lock then names[lock] = true end
    end
  end
end
for lock in pairs(names) do
  all[#all + 1] = lock
  all[#all + 1] = line_of(lock)
end
return all
)lua";
}  // namespace

const std::array<std::string, redis_scripts>& redis_texts() {
  using text = std::string;
  static const std::array<std::string, redis_scripts> all{
      text{common} + clocks + begin,         text{common} + open,
      text{common} + ends + renew,           text{common} + ends + close,
      text{common} + lines + clocks + stand, text{common} + leave,
      text{common} + lines + look,           text{common} + await,
      text{common} + lines + ends + survey};
  return all;
}
}  // namespace troupe::lock
