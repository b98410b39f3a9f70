-- keep_attempt(P, id, f, now, rest): append one attempt to the job's last 10.
-- f: number, started, generation (strings or false); rest: the JSON after the members made here,
-- from `"o":` to the closing brace.
local function keep_attempt(P, id, number, started, generation, now, rest)
  local key = P .. 'a:' .. id
  redis.call(
    'rpush',
    key,
    string.format(
      '{"n":%d,"s":%s,"e":%.0f,"g":%s,%s',
      number,
      started or 'null',
      now,
      generation or '0',
      rest
    )
  )
  redis.call('ltrim', key, -10, -1)
end
