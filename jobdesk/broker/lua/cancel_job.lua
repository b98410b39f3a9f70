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

local job, now = read_job(P, id), now_ms()
if not job then -- guard: exists
  return { 'NOTFOUND' }
end
local st, kind = job.st, job.t
if st == 'c' or st == 'f' then -- guard: ended
  return { 'STATE', st }
end
local emit, seal = events(P)
if st == 'a' then -- guard: active
  if not job.cx then
    job.cx = '1'
    write_status(P, id, job)
    emit('cancelled', id, kind, 'prev', 'active')
    seal()
  end
  local lease = (tonumber(redis.call('zscore', P .. 'active', id)) or now) - now
  return { 'ACTIVE', job.w or '', math.max(0, lease) }
end

local set = st == 'd' and 'delayed' or 'wait'
local prev = st == 'd' and 'delayed' or 'waiting'
local reason = 'JobCancelled: cancelled before it ran'
redis.call('zrem', P .. set, id)
emit('cancelled', id, kind, 'prev', prev)
emit('failed', id, kind, 'prev', prev, 'err', reason)
counting(P, now)('f', 1)
if keep_own(P, id, job.rf, redis.call('hget', P .. 'meta', 'rf'), now) then
  local fp = fingerprint(kind, 'JobCancelled', 'cancelled before it ran')
  job.ra, job.w, job.pon = nil, nil, nil
  job.st, job.fon, job.er, job.fp = 'f', now, reason, fp
  write_status(P, id, job)
  local groups = error_groups(P, now)
  groups.count(fp, id, kind, reason, true)
  groups.write()
  keep_attempt(
    P, id, tonumber(job.am or '0') + 1, nil, job.gen, now,
    '"o":"failed","w":"","err":"' .. reason .. '","tb":""}'
  )
  redis.call('zadd', P .. 'failed', now, id)
else
  bury(P, id, '0', 'f', reason)
  delete_job(P, id)
end
seal()
return answered(P, request, { 'OK', st })
