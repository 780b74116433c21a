-- Give Redis's time and every unfinished cycle.
-- KEYS: the open ones
-- ARGV: prefix of a cycle's key
local rows = {text(now_ms())}
for _, id in ipairs(redis.call('HVALS', KEYS[1])) do rows[#rows + 1] = redis.call('HGETALL', ARGV[1] .. id) end
return rows
