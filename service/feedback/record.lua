-- Keep the answers to one prompt. An answer id that is already kept changes nothing, so a retry is harmless.
-- What was asked before the asker's data were erased is not kept: -1.
-- KEYS: answers stream, the asker's answers, the prompt, the prompt's answers, since when the asker is erased, passages
-- that are about to be deleted: those doomed, those looked at
-- ARGV: prompt bytes, number of passages, when it was asked in ms, (passage key, bytes)..., (answer id, bytes)...
local erased = redis.call('GET', KEYS[5])
if erased and tonumber(ARGV[3]) < tonumber(erased) then return -1 end
local passages = tonumber(ARGV[2])
local first_answer = 4 + 2 * passages
local kept, last = 0, nil
for i = first_answer, #ARGV, 2 do
  local id = ARGV[i]
  if redis.call('SET', 'gl:answer:' .. id, ARGV[i + 1], 'NX') then
    last = redis.call('XADD', KEYS[1], '*', 'a', id)
    redis.call('RPUSH', KEYS[2], id)
    redis.call('RPUSH', KEYS[4], id)
    kept = kept + 1
  end
end
if kept > 0 then
  count(last, 'answers', kept)
  redis.call('SET', KEYS[3], ARGV[1], 'NX')
  for i = 4, first_answer - 1, 2 do
    redis.call('SET', ARGV[i], ARGV[i + 1], 'NX')
    redis.call('SREM', KEYS[6], ARGV[i])
    redis.call('SREM', KEYS[7], ARGV[i])
  end
end
return kept
