-- Begin to look which doomed passages nothing shows any more. Those that are doomed from now on wait for the next look.
-- KEYS: doomed passages, those that are looked at, the lock
-- ARGV: who looks, lifetime of the lock in ms
if not redis.call('SET', KEYS[3], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
redis.call('SUNIONSTORE', KEYS[2], KEYS[1], KEYS[2])
redis.call('DEL', KEYS[1])
return redis.call('SCARD', KEYS[2])
