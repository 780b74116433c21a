-- Give a cycle back unfinished, to be tried again after a pause; an orderly stop does not count as a try.
-- KEYS: the cycle
-- ARGV: token, reason, pause ms, counts (1|0)
if not holds(KEYS[1], ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'state', 'retrying', 'reason', ARGV[2], 'not_before', text(now_ms() + ARGV[3]))
if ARGV[4] == '0' then redis.call('HINCRBY', KEYS[1], 'attempts', -1) end
let_go(KEYS[1])
return 1
