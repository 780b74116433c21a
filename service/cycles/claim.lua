-- Give a waiting cycle to one worker, with the next token. Of many who ask at once one gets it.
-- KEYS: the cycle
-- ARGV: who, lease ms
local row = redis.call('HMGET', KEYS[1], 'state', 'not_before')
if row[1] ~= 'waiting' and row[1] ~= 'retrying' then return false end
local now = now_ms()
-- A pause longer than any we set was set by a clock that has jumped back since.
local pause = tonumber(row[2] or 0) - now
if pause > 0 and pause <= 600000 then return false end
local token = redis.call('HINCRBY', KEYS[1], 'token', 1)
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('HSET', KEYS[1], 'state', 'running', 'lease_until', text(now + ARGV[2]), 'lease_ms', ARGV[2], 'lease_by', ARGV[1])
redis.call('HSETNX', KEYS[1], 'started_at', text(now))
redis.call('HDEL', KEYS[1], 'not_before')
return token
