-- Begin a look at what has outlived its time, unless another one is at it or the last one is too recent.
-- KEYS: when retention last ran to its end, and who is at it
-- ARGV: who, shortest time between two in ms, lifetime of a look in ms
local at = tonumber(now_ms())
local row = redis.call('HMGET', KEYS[1], 'at', 'until')
if row[2] and tonumber(row[2]) > at then return 0 end
if row[1] and tonumber(row[1]) + tonumber(ARGV[2]) > at then return 0 end
redis.call('HSET', KEYS[1], 'by', ARGV[1], 'until', string.format('%.0f', at + tonumber(ARGV[3])))
return at
