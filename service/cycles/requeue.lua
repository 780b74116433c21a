-- Take cycles away from workers that have been silent for a whole lease.
-- KEYS: the open ones
-- ARGV: prefix of a cycle's key
local now, returned = now_ms(), {}
local open = redis.call('HGETALL', KEYS[1])
for i = 1, #open, 2 do
  local key = ARGV[1] .. open[i + 1]
  local row = redis.call('HMGET', key, 'state', 'lease_until', 'lease_ms', 'lease_by', 'id')
  if not row[5] then
    redis.call('HDEL', KEYS[1], open[i]) -- the row is lost: its scope must not stay shut
  elseif row[1] == 'running' then
    local left, whole = tonumber(row[2]) - now, tonumber(row[3])
    if left <= 0 then
      redis.call('HSET', key, 'state', 'retrying', 'reason', 'worker ' .. row[4] .. ' went silent; another one goes on')
      let_go(key)
      returned[#returned + 1] = row[5]
    elseif left > whole then
      redis.call('HSET', key, 'lease_until', text(now + whole)) -- the clock jumped back: no lease outlasts its length
    end
  end
end
return returned
