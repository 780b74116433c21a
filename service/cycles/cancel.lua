-- Ask for a cycle's end. One that nobody ever worked on ends here; else its worker ends it, who can also see to it that
-- nothing of it is published any more.
-- KEYS: the cycle, the open ones
-- ARGV: reason
local row = redis.call('HMGET', KEYS[1], 'state', 'token')
if not row[1] then return 'missing' end
if row[1] == 'waiting' and row[2] == '0' then
  close(KEYS[1], KEYS[2], 'cancelled', ARGV[1])
  return 'cancelled'
end
if row[1] ~= 'waiting' and row[1] ~= 'retrying' and row[1] ~= 'running' then return 'over' end
redis.call('HSET', KEYS[1], 'cancel', ARGV[1])
redis.call('HDEL', KEYS[1], 'not_before')
return 'asked'
