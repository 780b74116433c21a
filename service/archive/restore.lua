-- Bring a unit back that somebody wants to judge. Its entries stay where they are archived; what stands comes back, so that
-- a change of mind is known as one. Does nothing where the prompt's answers are there already.
-- KEYS: answers stream, prompt, its answers
-- ARGV: prompt bytes, number of answers, (answer id, user, bytes)..., number of standing, (key, field, value)..., (passage key, bytes)...
local count, at, back = tonumber(ARGV[2]), 3, 0
for i = 1, count do
  local id, user, bytes = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  at = at + 3
  if redis.call('SET', 'gl:answer:' .. id, bytes, 'NX') then
    redis.call('XADD', KEYS[1], '*', 'a', id)
    redis.call('RPUSH', 'gl:user:' .. user .. ':answers', id)
    redis.call('RPUSH', KEYS[3], id)
    back = back + 1
  end
end
if back == 0 then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'NX')
local standing = tonumber(ARGV[at])
at = at + 1
for i = 1, standing do
  redis.call('HSETNX', ARGV[at], ARGV[at + 1], ARGV[at + 2])
  at = at + 3
end
for i = at, #ARGV, 2 do
  redis.call('SET', ARGV[i], ARGV[i + 1], 'NX')
  redis.call('SREM', 'gl:doomed', ARGV[i])
  redis.call('SREM', 'gl:doomed:now', ARGV[i])
end
return back
