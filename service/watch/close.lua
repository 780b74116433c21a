-- End what was watched, once: it goes into the history, and who said what is forgotten.
-- KEYS: the hash, what was said, the history, the counts of decisions
-- ARGV: name of the field that says what is watched, its value, history entry, most entries, what to count (empty: nothing)
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] ~= '' then
  redis.call('LPUSH', KEYS[3], ARGV[3])
  redis.call('LTRIM', KEYS[3], 0, tonumber(ARGV[4]) - 1)
end
if ARGV[5] ~= '' then redis.call('HINCRBY', KEYS[4], ARGV[5], 1) end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
