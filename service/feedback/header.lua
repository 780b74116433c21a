-- Shared by the scripts: what they need to know of an answer is its first line, so the compressed rest is not read.
local function header_of(key)
  local head = redis.call('GETRANGE', key, 0, 4095)
  if head == '' then return nil end
  local stop = string.find(head, '\n', 1, true)
  if not stop then
    head = redis.call('GET', key)
    stop = string.find(head, '\n', 1, true)
  end
  return cjson.decode(string.sub(head, 1, stop - 1))
end

-- Let a voter through when the answer is theirs, or the caller of this script has found that they may judge it.
local function refused(header, voter, allowed)
  return allowed ~= '1' and header.user ~= voter
end

-- A generic cell rate limit on Redis's own clock: `burst` at once, then one every `interval_ms`. Gives 0, or the wait in ms.
local function wait_ms(key, interval_ms, burst)
  if interval_ms <= 0 then return 0 end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local due = math.max(tonumber(redis.call('GET', key) or now), now) + interval_ms
  local ahead = due - now
  if ahead > interval_ms * burst then return math.ceil(ahead - interval_ms * burst) end
  redis.call('SET', key, string.format('%.0f', due), 'PX', string.format('%.0f', math.max(ahead, 1)))
  return 0
end

-- Give the fields of an entry of the log, nil where it is there no more.
local function fields_of(log, entry)
  local read = redis.call('XRANGE', log, entry, entry)[1]
  if not read then return nil end
  local fields = {}
  for i = 1, #read[2], 2 do fields[read[2][i]] = read[2][i + 1] end
  return fields
end

-- Count something on its day (UTC); what is replaced or taken back is counted back on the day on which it was said.
local function count(entry, what, by)
  redis.call('HINCRBY', 'gl:days', math.floor(string.match(entry, '^%d+') / 86400000) .. ' ' .. what, by)
end

-- Tell whether a judgement gives the reason that a document is missing; of most nothing has to be decoded for it.
local function says_missing(payload)
  if not string.find(payload, '"missing_document"', 1, true) then return false end
  for _, reason in ipairs(cjson.decode(payload).reasons or {}) do
    if reason == 'missing_document' then return true end
  end
  return false
end

-- Put an answer into the inbox of missing documents, by the time of what was said last; one that is done stays done.
local function note_missing(answer, entry)
  local box = redis.call('ZSCORE', 'gl:missing:done', answer) and 'gl:missing:done' or 'gl:missing:open'
  redis.call('ZADD', box, string.match(entry, '^%d+'), answer)
end

-- Note when a voter said something last.
local function remember(voter, entry) redis.call('ZADD', 'gl:voters', string.match(entry, '^%d+'), voter) end
