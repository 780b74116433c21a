-- Shared by the scripts: Redis's own time in ms, so that a clock of ours that jumps does no harm.
local function now_ms()
  local time = redis.call('TIME')
  return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end

-- Tell whether an erasure is still worked on by whoever holds this token.
local function holds(key, token)
  local row = redis.call('HMGET', key, 'state', 'token')
  return row[1] == 'running' and row[2] == token
end
