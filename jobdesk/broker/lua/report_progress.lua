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
local job = read_job(P, id)
if not job or job.ep ~= epoch or job.st ~= 'a' then -- guard: fence
  return 'STALE'
end
job.pg = progress
write_status(P, id, job)
local emit, seal = events(P)
emit('progress', id, job.t, 'value', string.sub(progress, 1, 256))
seal()
return job.cx and 'CANCEL' or 'OK'
