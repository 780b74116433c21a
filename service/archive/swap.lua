-- Put a whole stream in the place of one that lost entries; what arrived while the whole one was made goes over.
-- KEYS: the stream, the whole one
-- ARGV: last id that the whole one was given from the stream, or 0-0
local from = ARGV[1] == '0-0' and '-' or '(' .. ARGV[1]
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], from, '+')) do
  -- An id below what the whole one holds is known to it, or somebody else has put things back meanwhile.
  if not pcall(redis.call, 'XADD', KEYS[2], entry[1], unpack(entry[2])) then
    if #redis.call('XRANGE', KEYS[2], entry[1], entry[1]) == 0 then return redis.error_reply('another one changed the stream; try again') end
  end
end
if redis.call('PERSIST', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[1]) end
return redis.call('XLEN', KEYS[1])
