-- Begin to watch something, unless it is watched: the first who looks says since when.
-- KEYS: the hash, what was said
-- ARGV: field, value, ...
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'began_ms', now_ms(), unpack(ARGV))
return 1
