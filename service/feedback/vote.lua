-- Take one vote: the answer exists, the voter may judge it, the evidence is of that answer, the same vote is not entered twice, the
-- voter is not too fast; then the entry, the pointer to the current one and the voter's index change together.
-- KEYS: answer, its votes, the log, the voter's rate, the voter's entries
-- ARGV: voter, allowed (1|0), interval ms, burst, digest, rating, answer id, payload, evidence chunk ids...
local header = header_of(KEYS[1])
if not header then return {'missing'} end
local voter = ARGV[1]
if refused(header, voter, ARGV[2]) then return {'ask', 1, unpack(header.collections)} end
if #ARGV > 8 then
  local shown = {}
  for _, chunk in ipairs(header.chunks) do shown[chunk] = true end
  for i = 9, #ARGV do
    if not shown[ARGV[i]] then return {'evidence', ARGV[i], unpack(header.chunks)} end
  end
end
local current = redis.call('HGET', KEYS[2], voter)
local previous = ''
if current then
  local space = string.find(current, ' ', 1, true)
  previous = string.sub(current, 1, space - 1)
  if string.sub(current, space + 1) == ARGV[5] then return {'same', previous} end
elseif ARGV[6] == 'withdrawn' then
  return {'nothing'}
end
local wait = wait_ms(KEYS[4], tonumber(ARGV[3]), tonumber(ARGV[4]))
if wait > 0 then return {'slow', wait} end
local before = previous ~= '' and fields_of(KEYS[3], previous) or {}
local entry = redis.call('XADD', KEYS[3], '*', 'k', 'vote', 'a', ARGV[7], 'q', header.prompt, 'u', voter, 'v', header.version,
  's', header.segment, 'r', ARGV[6], 'c', header.consent and '1' or '0', 'p', previous, 'd', ARGV[8])
redis.call('HSET', KEYS[2], voter, entry .. ' ' .. ARGV[5])
redis.call('RPUSH', KEYS[5], entry)
remember(voter, entry)
if before.r == 'up' or before.r == 'down' then count(previous, before.r, -1) end
if ARGV[6] == 'up' or ARGV[6] == 'down' then count(entry, ARGV[6], 1) end
if says_missing(ARGV[8]) then
  note_missing(ARGV[7], entry)
elseif before.d and says_missing(before.d) and redis.call('HLEN', KEYS[2]) == 1 and redis.call('EXISTS', 'gl:prefs:' .. header.prompt) == 0 then
  redis.call('ZREM', 'gl:missing:open', ARGV[7])  -- where others said something too, whoever reads finds out
end
return {'ok', entry, previous}
