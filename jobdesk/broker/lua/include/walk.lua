-- walk_group(P, fp, before, cursor, most) -> ids, cursor, looked, done
--   Looks at up to 250 failed jobs that ended until `before` (ms), the oldest first, from behind
--   the cursor ('' at first), and finds at most `most` of those whose last error has this
--   fingerprint. The caller takes the found ones out of `failed`; the cursor is the place of the
--   last job that stays.

-- include: record

local function walk_group(P, fp, before, cursor, most)
  local set, start = P .. 'failed', 0
  local score, last = string.match(cursor, '^(%S+) (.*)$')
  if score then
    local rank = redis.call('zrank', set, last)
    start = rank and rank + 1 or redis.call('zcount', set, '-inf', '(' .. score)
  end
  local seen = redis.call('zrange', set, start, start + 249, 'WITHSCORES')
  local found, looked, through = {}, 0, #seen < 500
  for i = 1, #seen, 2 do
    if tonumber(seen[i + 1]) > tonumber(before) then -- guard: failed_since
      through = true
      break
    end
    if #found == most then -- guard: limit
      through = false
      break
    end
    looked = looked + 1
    local job = read_job(P, seen[i])
    if job and job.fp == fp then -- guard: group, lets pass
      found[#found + 1] = seen[i]
    else
      cursor = seen[i + 1] .. ' ' .. seen[i]
    end
  end
  return found, cursor, looked, through
end
