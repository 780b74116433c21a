-- Take an erasure that waits, or that whoever had it went silent about. Gives its row, or nothing.
-- KEYS: the row
-- ARGV: lease ms
local row = redis.call('HMGET', KEYS[1], 'state', 'lease_until', 'not_before')
local at = now_ms()
local free = row[1] == 'waiting' and tonumber(row[3] or 0) <= tonumber(at)
if not free and not (row[1] == 'running' and tonumber(row[2] or 0) < tonumber(at)) then return {} end
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('HINCRBY', KEYS[1], 'token', 1)
redis.call('HSETNX', KEYS[1], 'started_at', at)
redis.call('HSET', KEYS[1], 'state', 'running', 'lease_until', string.format('%.0f', tonumber(at) + tonumber(ARGV[1])))
redis.call('HDEL', KEYS[1], 'not_before', 'again')
return redis.call('HGETALL', KEYS[1])
