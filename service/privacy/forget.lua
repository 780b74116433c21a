-- Take one answer away with everything that was said about it; with the last answer to a prompt, the prompt goes too, and
-- its passages are doomed unless another prompt shows them. Again changes nothing.
-- KEYS: the answer, the answers stream, the feedback log, the note that it is gone, doomed passages
-- ARGV: answer id, its entry in the stream, why, lifetime of the note in ms, passages of its prompt...
local raw = redis.call('GETRANGE', KEYS[1], 0, -1)
if ARGV[2] ~= '' then redis.call('XDEL', KEYS[2], ARGV[2]) end
if raw == '' then return {0, 0, 0} end
local header = cjson.decode(string.sub(raw, 1, string.find(raw, '\n', 1, true) - 1))
local judgements = 0

-- Take away an entry of the log and those that it replaced.
local function unsay(entry)
  while entry ~= '' do
    local read = redis.call('XRANGE', KEYS[3], entry, entry)[1]
    if not read then return end
    local said = {}
    for i = 1, #read[2], 2 do said[read[2][i]] = read[2][i + 1] end
    redis.call('XDEL', KEYS[3], entry)
    redis.call('LREM', 'gl:voter:' .. said.u, 1, entry)
    judgements = judgements + 1
    entry = said.p or ''
  end
end

local function entry_in(value) return string.sub(value, 1, string.find(value, ' ', 1, true) - 1) end

local votes = 'gl:votes:' .. ARGV[1]
for _, value in ipairs(redis.call('HVALS', votes)) do unsay(entry_in(value)) end
redis.call('DEL', votes)

local prompt = 'gl:prompt:' .. header.prompt
local standing = 'gl:prefs:' .. header.prompt
local compared = redis.call('HGETALL', standing)
for i = 1, #compared, 2 do
  local entry = entry_in(compared[i + 1])
  local read = redis.call('XRANGE', KEYS[3], entry, entry)[1]
  local about = false
  if read then
    for j = 1, #read[2], 2 do
      if read[2][j] == 'a' then about = string.find(',' .. read[2][j + 1] .. ',', ',' .. ARGV[1] .. ',', 1, true) end
    end
  end
  if about or not read then
    unsay(entry)
    redis.call('HDEL', standing, compared[i])
  end
end

redis.call('ZREM', 'gl:missing:open', ARGV[1])
redis.call('ZREM', 'gl:missing:done', ARGV[1])
redis.call('HDEL', 'gl:missing:notes', ARGV[1])
redis.call('DEL', KEYS[1])
redis.call('LREM', 'gl:user:' .. header.user .. ':answers', 1, ARGV[1])
redis.call('LREM', prompt .. ':answers', 1, ARGV[1])
redis.call('SET', KEYS[4], ARGV[3] .. ' ' .. now_ms(), 'PX', ARGV[4])
if redis.call('EXISTS', prompt .. ':answers') == 1 then return {1, judgements, 0} end
redis.call('DEL', prompt, standing)
for i = 5, #ARGV do redis.call('SADD', KEYS[5], ARGV[i]) end
return {1, judgements, 1}
