-- Say whether an operator is done with an answer in the inbox of missing documents, and note something. Gives 0 where it is not in it.
-- KEYS: the open ones, the done ones, the notes
-- ARGV: answer, state (open|done), the note (empty: none)
local said = redis.call('ZSCORE', KEYS[1], ARGV[1]) or redis.call('ZSCORE', KEYS[2], ARGV[1])
if not said then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', ARGV[2] == 'done' and KEYS[2] or KEYS[1], said, ARGV[1])
if ARGV[3] == '' then redis.call('HDEL', KEYS[3], ARGV[1]) else redis.call('HSET', KEYS[3], ARGV[1], ARGV[3]) end
return 1
