-- Give one cycle.
-- KEYS: the cycle
return redis.call('HGETALL', KEYS[1])
