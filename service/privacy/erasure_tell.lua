-- Note how far an erasure is; its holder is alive.
-- KEYS: the row
-- ARGV: token, lease ms, (field, value)...
if not holds(KEYS[1], ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'lease_until', string.format('%.0f', tonumber(now_ms()) + tonumber(ARGV[2])))
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
