-- Copy what is left of a stream, some entries at a time, and put the copy in its place when it holds everything. Redis keeps
-- the bytes of a deleted entry for as long as a neighbour in the same node lives; a copy has none of them.
-- KEYS: the stream, its copy, the lock
-- ARGV: who copies, lifetime of the lock in ms, most entries
-- Gives how many entries were copied; 0 when the copy has taken over, -1 when something was deleted meanwhile, -2 when
-- another one copies.
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return -2 end
redis.call('PEXPIRE', KEYS[3], ARGV[2])
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local found = redis.call('XRANGE', KEYS[1], newest and '(' .. newest[1] or '-', '+', 'COUNT', ARGV[3])
for _, entry in ipairs(found) do redis.call('XADD', KEYS[2], entry[1], unpack(entry[2])) end
if #found == tonumber(ARGV[3]) then return #found end
-- Entries are only ever added at the end and taken away: as many are the same ones.
if redis.call('XLEN', KEYS[2]) ~= redis.call('XLEN', KEYS[1]) then
  redis.call('DEL', KEYS[2])
  return -1
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  local told = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #told, 2 do
    if told[i] == 'last-generated-id' then redis.call('XSETID', KEYS[2], told[i + 1]) end
  end
  redis.call('RENAME', KEYS[2], KEYS[1])
end
return 0
