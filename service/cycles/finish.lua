-- End a cycle with what came of it; a late or doubled word of a worker that lost it changes nothing.
-- KEYS: the cycle, the open ones, the versions
-- ARGV: token, state, reason, version, field, value, ...
if not holds(KEYS[1], ARGV[1]) then
  local row = redis.call('HMGET', KEYS[1], 'state', 'token')
  return (row[1] == ARGV[2] and row[2] == ARGV[1]) and 1 or 0 -- the same word again: the first reply was lost
end
if #ARGV > 4 then redis.call('HSET', KEYS[1], unpack(ARGV, 5)) end
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'version', ARGV[4])
  redis.call('HSET', KEYS[3], redis.call('HGET', KEYS[1], 'scope') .. ' ' .. ARGV[4], redis.call('HGET', KEYS[1], 'id'))
end
close(KEYS[1], KEYS[2], ARGV[2], ARGV[3])
return 1
