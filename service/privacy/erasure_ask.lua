-- Ask for somebody's erasure. One that is not over is meant, and is done once more when it has begun already.
-- KEYS: the row, all erasures, those that are not over, since when everything asked before is erased
-- ARGV: id, user, now (1|0), by, lifetime of the last in ms
local at = now_ms()
redis.call('SET', KEYS[4], at, 'PX', ARGV[5])
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'running' or state == 'waiting' then
  if ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'now', '1') end
  redis.call('HSET', KEYS[1], 'user', ARGV[2])
  if state == 'running' then redis.call('HSET', KEYS[1], 'again', '1') end
  redis.call('HDEL', KEYS[1], 'not_before')
else
  redis.call('HDEL', KEYS[1], 'started_at', 'finished_at', 'reason', 'step', 'counts', 'rewritten_at', 'cycles')
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'user', ARGV[2], 'state', 'waiting', 'requested_at', at, 'now', ARGV[3],
    'by', ARGV[4], 'attempts', 0)
end
redis.call('ZADD', KEYS[2], at, ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
return redis.call('HGETALL', KEYS[1])
