-- Keep the answers to one prompt. An answer id that is already kept changes nothing, so a retry is harmless.
-- KEYS: answers stream, the asker's answers, the prompt, the prompt's answers
-- ARGV: prompt bytes, number of passages, (passage key, bytes)..., (answer id, bytes)...
local passages = tonumber(ARGV[2])
local first_answer = 3 + 2 * passages
local kept = 0
for i = first_answer, #ARGV, 2 do
  local id = ARGV[i]
  if redis.call('SET', 'gl:answer:' .. id, ARGV[i + 1], 'NX') then
    redis.call('XADD', KEYS[1], '*', 'a', id)
    redis.call('RPUSH', KEYS[2], id)
    redis.call('RPUSH', KEYS[4], id)
    kept = kept + 1
  end
end
if kept > 0 then
  redis.call('SET', KEYS[3], ARGV[1], 'NX')
  for i = 3, first_answer - 1, 2 do
    redis.call('SET', ARGV[i], ARGV[i + 1], 'NX')
  end
end
return kept
