-- Cancels a job. A waiting or delayed one fails at once, whatever attempts it has left; a running
-- one is marked, and the answer to its worker's next renewal tells it to stop.
-- KEYS[1] queue prefix
-- ARGV    id, request (the same when sent again)
-- Returns {'OK', previous state} | {'ACTIVE', worker, lease ms} | {'NOTFOUND'} | {'STATE', letter}
-- Events  cancelled (prev), then failed (prev, err) where it fails at once
-- include: time
-- include: record
-- include: deletion
-- include: events
-- include: counts
-- include: attempts
-- include: retention
-- include: groups
-- include: replay
local P = KEYS[1]
local id, request = ARGV[1], ARGV[2]
redis.call('zrem', P .. 'wait', '')
local before = replayed(P, request)
if before then -- guard: replay
  return before
end

local key, now = job_key(P, id), now_ms()
local record = redis.call('hmget', key, 'st', 't', 'w', 'am', 'gen', 'rf', 'cx')
local st, kind = record[1], record[2]
if not st then -- guard: exists
  return { 'NOTFOUND' }
end
if st == 'c' or st == 'f' then -- guard: ended
  return { 'STATE', st }
end
local emit = events(P)
if st == 'a' then -- guard: active
  if not record[7] then
    redis.call('hset', key, 'cx', 1)
    emit('cancelled', id, kind, 'prev', 'active')
  end
  local lease = (tonumber(redis.call('zscore', P .. 'active', id)) or now) - now
  return { 'ACTIVE', record[3] or '', math.max(0, lease) }
end

local set = st == 'd' and 'delayed' or 'wait'
local prev = st == 'd' and 'delayed' or 'waiting'
local reason = 'JobCancelled: cancelled before it ran'
redis.call('zrem', P .. set, id)
emit('cancelled', id, kind, 'prev', prev)
emit('failed', id, kind, 'prev', prev, 'err', reason)
count(P, now, { f = 1 })
if keep_own(P, id, record[6], redis.call('hget', P .. 'meta', 'rf'), now) then
  redis.call('hdel', key, 'ra', 'w', 'pon')
  local fp = fingerprint(kind or '', 'JobCancelled', 'cancelled before it ran')
  redis.call('hset', key, 'st', 'f', 'fon', now, 'er', reason, 'fp', fp)
  local groups = error_groups(P, now)
  groups.count(fp, id, kind, reason, true)
  groups.write()
  keep_attempt(
    P, id, (tonumber(record[4]) or 0) + 1, nil, record[5], now,
    '"o":"failed","w":"","err":"' .. reason .. '","tb":""}'
  )
  redis.call('zadd', P .. 'failed', now, id)
else
  bury(P, id, '0', 'f', reason)
  delete_job(P, id)
end
return answered(P, request, { 'OK', st })
