-- Take a unit out of Redis, if nothing was said about it since it was copied. Passages that nothing may show any more are
-- only noted: another prompt may show them, which a sweep finds out.
-- KEYS: answers stream, feedback stream, prompt, its answers, its preferences, noted passages
-- ARGV: JSON {answers: [[id, entry, user]], entries: [[entry, voter]], standing: [[key, field, value]], digests: []}
local unit = cjson.decode(ARGV[1])
if redis.call('LLEN', KEYS[4]) ~= #unit.answers then return 0 end
local hashes = {[KEYS[5]] = 0}
for _, answer in ipairs(unit.answers) do hashes['gl:votes:' .. answer[1]] = 0 end
for _, item in ipairs(unit.standing) do
  if redis.call('HGET', item[1], item[2]) ~= item[3] then return 0 end
  hashes[item[1]] = (hashes[item[1]] or 0) + 1
end
for key, count in pairs(hashes) do
  if redis.call('HLEN', key) ~= count then return 0 end
end
for _, answer in ipairs(unit.answers) do
  redis.call('XDEL', KEYS[1], answer[2])
  redis.call('DEL', 'gl:answer:' .. answer[1])
  redis.call('LREM', 'gl:user:' .. answer[3] .. ':answers', 1, answer[1])
end
for _, entry in ipairs(unit.entries) do
  redis.call('XDEL', KEYS[2], entry[1])
  redis.call('LREM', 'gl:voter:' .. entry[2], 1, entry[1])
end
for key in pairs(hashes) do redis.call('DEL', key) end
redis.call('DEL', KEYS[3], KEYS[4])
for _, digest in ipairs(unit.digests) do redis.call('SADD', KEYS[6], 'gl:passage:' .. digest) end
return 1
