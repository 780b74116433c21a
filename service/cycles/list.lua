-- Give cycles, the newest first.
-- KEYS: the history
-- ARGV: prefix of a cycle's key, scope or "", id to go on after or "", how many
local at, found, most = 0, {}, tonumber(ARGV[4])
if ARGV[3] ~= '' then
  local rank = redis.call('ZREVRANK', KEYS[1], ARGV[3])
  if not rank then return false end
  at = rank + 1
end
while #found < most do
  local ids = redis.call('ZREVRANGE', KEYS[1], at, at + 99)
  if #ids == 0 then break end
  for _, id in ipairs(ids) do
    local key = ARGV[1] .. id
    if #found < most and (ARGV[2] == '' or redis.call('HGET', key, 'scope') == ARGV[2]) then
      found[#found + 1] = redis.call('HGETALL', key)
    end
  end
  at = at + #ids
end
return found
