-- Shared by the scripts: Redis's own time in ms, so that a clock of ours that jumps does no harm.
local function now_ms()
  local time = redis.call('TIME')
  return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end
