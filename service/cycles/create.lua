-- Enter a cycle, unless its scope has one that is not finished: then that one is meant.
-- KEYS: the new cycle, the history, the open ones
-- ARGV: id, scope, trigger, reason, how many of the newest keep their details, prefix of a cycle's key
local known = redis.call('HGET', KEYS[3], ARGV[2])
if known then return {known, 0} end
local now = text(now_ms())
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'scope', ARGV[2], 'trigger', ARGV[3], 'reason', ARGV[4], 'state', 'waiting',
  'created_at', now, 'attempts', '0', 'token', '0')
-- Two of one millisecond keep their order.
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
local place = math.max(tonumber(now), last and tonumber(last) + 0.001 or 0)
redis.call('ZADD', KEYS[2], string.format('%.3f', place), ARGV[1])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[1])
-- What is long goes from the old ones, so that the history may be: the card of a version has it too.
for _, old in ipairs(redis.call('ZREVRANGE', KEYS[2], ARGV[5], ARGV[5] + 9)) do
  if redis.call('HEXISTS', ARGV[6] .. old, 'finished_at') == 1 then
    redis.call('HDEL', ARGV[6] .. old, 'verdict', 'counts', 'steps', 'evidence')
  end
end
return {ARGV[1], 1}
