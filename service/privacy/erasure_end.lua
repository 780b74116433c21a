-- Give an erasure back, done or to be tried again; who it was about is forgotten when it is done.
-- KEYS: the row, those that are not over
-- ARGV: token, id, state (done|waiting), reason, pause in ms
if not holds(KEYS[1], ARGV[1]) then return 0 end
redis.call('HDEL', KEYS[1], 'lease_until')
local at = tonumber(now_ms())
if ARGV[3] == 'waiting' or redis.call('HGET', KEYS[1], 'again') then
  local later = string.format('%.0f', at + tonumber(ARGV[5]))
  redis.call('HSET', KEYS[1], 'state', 'waiting', 'reason', ARGV[4], 'not_before', later)
  return 1
end
redis.call('HSET', KEYS[1], 'state', 'done', 'reason', '', 'step', '', 'finished_at', string.format('%.0f', at))
redis.call('HDEL', KEYS[1], 'user')
redis.call('SREM', KEYS[2], ARGV[2])
return 1
