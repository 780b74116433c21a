-- Give the cycle that published a version.
-- KEYS: the versions
-- ARGV: prefix of a cycle's key, scope, version
local id = redis.call('HGET', KEYS[1], ARGV[2] .. ' ' .. ARGV[3])
if not id then return false end
return redis.call('HGETALL', ARGV[1] .. id)
