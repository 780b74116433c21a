-- Keep what a person said about training. Saying the same again changes nothing, not even the time.
-- KEYS: the record
-- ARGV: training (1|0), who said so
if redis.call('HGET', KEYS[1], 'training') ~= ARGV[1] then
  redis.call('HSET', KEYS[1], 'training', ARGV[1], 'at', now_ms(), 'by', ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'training', 'at', 'by')
