-- Note what became of judgements: the newest word, and the first cycle that counted each and whose version was not refused.
-- ARGV: prefix of a bucket's key, prefix of a cycle's key, cycle, code of "used", code of "restricted collection",
--   then bucket, entry, reason, notes, ...
local came_to_nothing = {}
local function for_nothing(cycle)
  if came_to_nothing[cycle] == nil then
    local state = redis.call('HGET', ARGV[2] .. cycle, 'state')
    came_to_nothing[cycle] = state == 'refused' or state == 'failed' or state == 'cancelled'
  end
  return came_to_nothing[cycle]
end

for i = 6, #ARGV, 4 do
  local key, entry, reason = ARGV[1] .. ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local known = redis.call('HGET', key, entry)
  local first = known and string.match(known, '^[^|]*|([^|]*)|') or ''
  -- What one scope may not learn from, another one may have learned from: that is what became of it.
  if first == '' or reason ~= ARGV[5] then
    if reason == ARGV[4] and (first == '' or for_nothing(first)) then first = ARGV[3] end
    redis.call('HSET', key, entry, ARGV[3] .. '|' .. first .. '|' .. ARGV[i + 3] .. '|' .. reason)
  end
end
return 1
