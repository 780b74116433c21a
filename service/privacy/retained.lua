-- End a look; where there is more to do the next one need not wait.
-- KEYS: when retention last ran to its end, and who is at it
-- ARGV: who, finished (1|0)
if redis.call('HGET', KEYS[1], 'by') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'by', 'until')
if ARGV[2] == '1' then redis.call('HSET', KEYS[1], 'at', now_ms()) end
return 1
