-- Take one comparison of two to four answers to one prompt; the last one of a voter about the same set of answers stands.
-- KEYS: the log, the voter's rate, the voter's entries, the Idempotency-Key (empty: none), then the answers in the order shown
-- ARGV: voter, how many of the answers (from the first on) the voter may judge whoever asked, interval ms, burst, digest, outcome, answer ids (comma), payload, digest of the set, lifetime of the key ms
local voter, digest, prompt = ARGV[1], ARGV[5], nil
local versions, segment, consent = {}, '', '1'
for i = 5, #KEYS do
  local header = header_of(KEYS[i])
  if not header then return {'missing', i - 4} end
  if refused(header, voter, i - 4 <= tonumber(ARGV[2]) and '1' or '0') then return {'ask', i - 4, unpack(header.collections)} end
  if prompt and header.prompt ~= prompt then return {'prompts', i - 4} end
  prompt, segment = header.prompt, header.segment
  versions[#versions + 1] = header.version
  if not header.consent then consent = '0' end
end
if KEYS[4] ~= '' then
  local done = redis.call('GET', KEYS[4])
  if done then
    local space = string.find(done, ' ', 1, true)
    if string.sub(done, space + 1) ~= digest then return {'reused'} end
    return {'same', string.sub(done, 1, space - 1)}
  end
end
local standing, field = 'gl:prefs:' .. prompt, ARGV[9] .. ' ' .. voter
local current = redis.call('HGET', standing, field)
local previous = ''
if current then
  local space = string.find(current, ' ', 1, true)
  previous = string.sub(current, 1, space - 1)
  if string.sub(current, space + 1) == digest then return {'same', previous} end
end
local wait = wait_ms(KEYS[2], tonumber(ARGV[3]), tonumber(ARGV[4]))
if wait > 0 then return {'slow', wait} end
local before = previous ~= '' and fields_of(KEYS[1], previous)
local entry = redis.call('XADD', KEYS[1], '*', 'k', 'preference', 'a', ARGV[7], 'q', prompt, 'u', voter,
  'v', table.concat(versions, ','), 's', segment, 'r', ARGV[6], 'c', consent, 'p', previous, 'd', ARGV[8])
redis.call('HSET', standing, field, entry .. ' ' .. digest)
redis.call('RPUSH', KEYS[3], entry)
remember(voter, entry)
if before and before.r ~= 'withdrawn' then count(previous, 'preferences', -1) end
count(entry, 'preferences', 1)
if says_missing(ARGV[8]) then note_missing(string.match(ARGV[7], '^[^,]+'), entry) end
if KEYS[4] ~= '' then redis.call('SET', KEYS[4], entry .. ' ' .. digest, 'PX', ARGV[10]) end
return {'ok', entry, previous}
