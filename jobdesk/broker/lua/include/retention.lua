-- Removing ended jobs by age and count.
--
--   trim(P, state, age_ms, count, now, max) -> removed, more
--       state 'completed' or 'failed'; age_ms and count may be nil (no limit). Removes jobs that
--       ended longer than age_ms ago, and those that are not among the newest count of their
--       state; looks at no more than max jobs. more is true when another call may find more.
--       With nothing to do it costs one ZCARD and at most one ZRANGE.
--   trim_own(P, state, count, max) -> removed
--       for a job that just ended with a count of its own: removes those jobs with a count of
--       their own that it pushed out of the newest so many; jobs of the queue's policy are not
--       touched. Looks at the max jobs next to the newest count. O(1) with nothing beyond.
--   parse_retention("age_ms:count") -> age_ms or nil, count or nil
--   keep_own(P, id, own, default, now) -> false when an ended job's own retention (its rc or rf,
--       or nil), else the queue's, says that it is not kept at all; else it notes when an own
--       retention expires
--
-- A job with a retention of its own (field rc or rf) is judged by that alone: its age by the
-- zset expire, its count here. The jobs that are kept so would be looked at again by every call;
-- meta's sweep:<state> names the last of them in the block already passed. When that job goes,
-- or sweep_retention clears the mark, the block is walked again.

-- include: record
-- include: deletion

local function parse_retention(text)
  local age, count = string.match(text or '', '^(%d*):(%d*)$')
  return tonumber(age), tonumber(count)
end

local function trim(P, state, age_ms, count, now, max)
  local set, meta, mark = P .. state, P .. 'meta', 'sweep:' .. state
  local total = redis.call('zcard', set)
  local excess = 0
  if count and total > count then
    excess = total - count
  end
  if excess == 0 then
    local oldest = age_ms and redis.call('zrange', set, 0, 0, 'WITHSCORES')[2]
    if not oldest or tonumber(oldest) > now - age_ms then -- guard: nothing_to_trim
      return 0, false
    end
  end

  local start = 0
  local known = redis.call('hmget', meta, mark, 'own')
  local any_own = known[2]
  if known[1] then
    local rank = redis.call('zrank', set, known[1])
    if rank then
      start = rank + 1
    end
  end

  -- the surplus first; what is only too old can wait for the next call
  local n = excess > start and math.min(max, excess - start) or max
  local found = redis.call('zrange', set, start, start + n - 1, 'WITHSCORES')
  local own_field = state == 'completed' and 'rc' or 'rf'
  local gone, looked, kept = {}, 0, false
  for i = 1, #found, 2 do
    local id, rank = found[i], start + (i - 1) / 2
    if rank >= excess and not (age_ms and tonumber(found[i + 1]) <= now - age_ms) then
      break
    end
    looked = looked + 1
    local job = any_own and read_job(P, id)
    local own = job and job[own_field]
    local own_count
    if own then
      own_count = select(2, parse_retention(own))
    end
    if not own or (own_count and total - rank > own_count) then -- guard: kept, lets pass
      gone[#gone + 1] = id
    else
      kept = id
    end
  end
  if #gone > 0 then
    redis.call('zrem', set, unpack(gone))
    delete_jobs(P, gone)
  end
  if kept then
    redis.call('hset', meta, mark, kept)
  end
  return #gone, looked == n
end

local function keep_own(P, id, own, default, now)
  local age, count = parse_retention(own or default)
  if count == 0 then -- guard: not_kept
    return false
  end
  if own and age then
    redis.call('zadd', P .. 'expire', now + age, id)
  end
  return true
end

local function trim_own(P, state, count, max)
  local set = P .. state
  local total = redis.call('zcard', set)
  if total <= count or max <= 0 then -- guard: nothing_beyond
    return 0
  end
  local start = math.max(0, total - count - max)
  local found = redis.call('zrange', set, start, total - count - 1)
  local own_field = state == 'completed' and 'rc' or 'rf'
  local gone = {}
  for i = 1, #found do
    local job = read_job(P, found[i])
    local own = job and job[own_field]
    local own_count = own and select(2, parse_retention(own))
    if own_count and total - (start + i - 1) > own_count then -- guard: kept_own, lets pass
      gone[#gone + 1] = found[i]
    end
  end
  if #gone > 0 then
    redis.call('zrem', set, unpack(gone))
    delete_jobs(P, gone)
  end
  return #gone
end
