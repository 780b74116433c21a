-- Keep what was read of the log, if the same thing is still watched.
-- KEYS: the hash, what was said
-- ARGV: name of the field that says what is watched, its value, last entry read, number of entries replaced, those, then (entry, what it says)...
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'last', ARGV[3], 'looked_ms', now_ms())
local replaced = tonumber(ARGV[4])
for i = 5 + replaced, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
for i = 5, 4 + replaced do redis.call('HDEL', KEYS[2], ARGV[i]) end
return 1
