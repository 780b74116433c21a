-- Take a comparison back, if it is the one that stands.
-- KEYS: the standing ones of its prompt, the log, the voter's rate, the voter's entries
-- ARGV: voter, field of the standing one, its entry, digest of a withdrawal, interval ms, burst
local current = redis.call('HGET', KEYS[1], ARGV[2])
if not current then return {'missing'} end
local space = string.find(current, ' ', 1, true)
local standing = string.sub(current, 1, space - 1)
if string.sub(current, space + 1) == ARGV[4] then return {'same', standing} end
local fields = fields_of(KEYS[2], standing)
if standing ~= ARGV[3] or not fields then return {'changed', standing} end
local wait = wait_ms(KEYS[3], tonumber(ARGV[5]), tonumber(ARGV[6]))
if wait > 0 then return {'slow', wait} end
local entry = redis.call('XADD', KEYS[2], '*', 'k', 'preference', 'a', fields.a, 'q', fields.q, 'u', ARGV[1], 'v', fields.v,
  's', fields.s, 'r', 'withdrawn', 'c', fields.c, 'p', standing, 'd', '{}')
redis.call('HSET', KEYS[1], ARGV[2], entry .. ' ' .. ARGV[4])
redis.call('RPUSH', KEYS[4], entry)
remember(ARGV[1], entry)
count(standing, 'preferences', -1)
return {'ok', entry, standing}
