-- Lengthen a lease and tell how far the work is.
-- KEYS: the cycle
-- ARGV: token, lease ms, field, value, ...
if not holds(KEYS[1], ARGV[1]) then return 'lost' end
redis.call('HSET', KEYS[1], 'lease_until', text(now_ms() + ARGV[2]), 'lease_ms', ARGV[2], unpack(ARGV, 3))
if redis.call('HGET', KEYS[1], 'cancel') then return 'cancelled' end
return 'kept'
