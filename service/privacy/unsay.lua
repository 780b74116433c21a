-- Take away one entry of the log that its voter may not be known to have written. Again changes nothing.
-- KEYS: the log, where the standing entry of its kind is noted, the voter's entries
-- ARGV: entry, field in the second
local standing = redis.call('HGET', KEYS[2], ARGV[2])
if standing and string.sub(standing, 1, #ARGV[1] + 1) == ARGV[1] .. ' ' then redis.call('HDEL', KEYS[2], ARGV[2]) end
redis.call('LREM', KEYS[3], 1, ARGV[1])
return redis.call('XDEL', KEYS[1], ARGV[1])
