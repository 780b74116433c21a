-- Give a list its whole order again. What it got meanwhile is newer and stays at the end.
-- KEYS: the list
-- ARGV: what it holds, oldest first
local known, later = {}, {}
for _, item in ipairs(ARGV) do known[item] = true end
for _, item in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  if not known[item] then later[#later + 1] = item end
end
redis.call('DEL', KEYS[1])
for _, items in ipairs({ARGV, later}) do
  for i = 1, #items, 1000 do redis.call('RPUSH', KEYS[1], unpack(items, i, math.min(i + 999, #items))) end
end
return #ARGV + #later
