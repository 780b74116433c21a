-- Say what became of a version after its trial.
-- KEYS: the versions
-- ARGV: prefix of a cycle's key, scope, version, state, reason, evidence
local id = redis.call('HGET', KEYS[1], ARGV[2] .. ' ' .. ARGV[3])
if not id then return false end
redis.call('HSET', ARGV[1] .. id, 'state', ARGV[4], 'reason', ARGV[5], 'evidence', ARGV[6], 'settled_at', text(now_ms()))
return id
