-- Add what was counted, if nobody else counted the same entries meanwhile.
-- KEYS: the tally
-- ARGV: the last entry counted before, the last one counted now, scope, difference, ...
if (redis.call('HGET', KEYS[1], '') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], '', ARGV[2])
for i = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
