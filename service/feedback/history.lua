-- Read what one voter said about one answer, newest first.
-- KEYS: answer, its votes, the log
-- ARGV: voter, allowed (1|0), most entries
local header = header_of(KEYS[1])
if not header then return {'missing'} end
if refused(header, ARGV[1], ARGV[2]) then return {'ask', 1, unpack(header.collections)} end
-- Second comes the entry that is no more in the log, where the story goes on in the archive.
local found = {'ok', ''}
local current = redis.call('HGET', KEYS[2], ARGV[1])
local entry = current and string.sub(current, 1, string.find(current, ' ', 1, true) - 1) or ''
while entry ~= '' and #found - 1 <= tonumber(ARGV[3]) do
  local read = redis.call('XRANGE', KEYS[3], entry, entry)[1]
  if not read then
    found[2] = entry
    break
  end
  found[#found + 1] = read
  entry = ''
  for i = 1, #read[2], 2 do
    if read[2][i] == 'p' then entry = read[2][i + 1] end
  end
end
return found
