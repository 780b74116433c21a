-- Note what became of judgements: the newest word, and the first cycle that counted each.
-- ARGV: prefix of a bucket's key, cycle, code of "used", code of "restricted collection", then bucket, entry, reason, notes, ...
for i = 5, #ARGV, 4 do
  local key, entry, reason = ARGV[1] .. ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local known = redis.call('HGET', key, entry)
  local first = known and string.match(known, '^[^|]*|([^|]*)|') or ''
  -- What one scope may not learn from, another one may have learned from: that is what became of it.
  if first == '' or reason ~= ARGV[4] then
    if first == '' and reason == ARGV[3] then first = ARGV[2] end
    redis.call('HSET', key, entry, ARGV[2] .. '|' .. first .. '|' .. ARGV[i + 3] .. '|' .. reason)
  end
end
return 1
