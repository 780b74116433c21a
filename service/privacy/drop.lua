-- Delete passages that nothing showed, unless a new prompt has shown them since: then it took them off the list.
-- KEYS: passages that are looked at, the lock
-- ARGV: who looks, lifetime of the lock in ms, delete (1|0), passages...
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return -1 end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local gone = 0
for i = 4, #ARGV do
  if redis.call('SREM', KEYS[1], ARGV[i]) == 1 and ARGV[3] == '1' then gone = gone + redis.call('UNLINK', ARGV[i]) end
end
return gone
