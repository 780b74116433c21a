-- Shared by the scripts of cycles. A cycle is worked on by whoever holds its lease and its newest token; a token is never given twice.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A whole number as text: Lua would write a large one as 1.79e+12.
local function text(number) return string.format('%.0f', number) end

local function holds(key, token)
  local row = redis.call('HMGET', key, 'state', 'token')
  return row[1] == 'running' and row[2] == token
end

local function let_go(key) redis.call('HDEL', key, 'lease_until', 'lease_ms', 'lease_by') end

-- End a cycle: its scope is free for the next one.
local function close(key, open, state, reason)
  redis.call('HSET', key, 'state', state, 'reason', reason, 'finished_at', text(now_ms()))
  let_go(key)
  local row = redis.call('HMGET', key, 'scope', 'id')
  if redis.call('HGET', open, row[1]) == row[2] then redis.call('HDEL', open, row[1]) end
end
