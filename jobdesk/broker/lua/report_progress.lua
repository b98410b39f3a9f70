-- report_progress: store how far a running job is.
-- KEYS[1]  the queue's prefix
-- ARGV     id, epoch, progress (JSON)
-- Returns  OK, CANCEL (stored, and an operator wants the job stopped) or STALE
-- Events   progress {value}
-- include: record
-- include: events
local P = KEYS[1]
local id, epoch, progress = ARGV[1], ARGV[2], ARGV[3]
redis.call('zrem', P .. 'active', '')
local J = job_key(P, id)
local f = redis.call('hmget', J, 'ep', 't', 'cx', 'st')
if f[1] ~= epoch or f[4] ~= 'a' then -- guard: fence
  return 'STALE'
end
redis.call('hset', J, 'pg', progress)
local emit = events(P)
emit('progress', id, f[2], 'value', string.sub(progress, 1, 256))
return f[3] and 'CANCEL' or 'OK'
