-- Note the standing entry of a voter, unless a later one is noted already.
-- KEYS: the hash
-- ARGV: (field, "<entry> <digest>")...
local function at(value)
  local ms, sequence = string.match(value, '^(%d+)-(%d+)')
  return tonumber(ms), tonumber(sequence)
end
local set = 0
for i = 1, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  local newer = true
  if known then
    local ms, sequence = at(ARGV[i + 1])
    local known_ms, known_sequence = at(known)
    newer = ms > known_ms or (ms == known_ms and sequence > known_sequence)
  end
  if newer then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    set = set + 1
  end
end
return set
