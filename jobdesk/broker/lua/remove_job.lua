-- Removes a job and all that is kept of it. A running one only by force: it is fenced first, so
-- that what its worker still reports is refused.
-- KEYS[1] queue prefix
-- ARGV    id, force ('1' or ''), request (the same when sent again), operation ('' keeps nothing
--         for an undo), its action, who
-- Returns {'OK', previous state, 1 when it can be undone} | {'NOTFOUND'}
--         | {'LOCKED', worker, lease ms}
-- Events  removed (prev, forced)
-- include: time
-- include: record
-- include: deletion
-- include: events
-- include: replay
-- include: trash
local P = KEYS[1]
local id, force, request = ARGV[1], ARGV[2] == '1', ARGV[3]
local operation, action, who = ARGV[4] or '', ARGV[5], ARGV[6]
redis.call('zrem', P .. 'wait', '')
local before = replayed(P, request)
if before then -- guard: replay
  return before
end

local names = { w = 'waiting', a = 'active', d = 'delayed', c = 'completed', f = 'failed' }
local job = read_job(P, id)
if not job then -- guard: exists
  return { 'NOTFOUND' }
end
local st = job.st
local lease = st == 'a' and (tonumber(redis.call('zscore', P .. 'active', id)) or 0) - now_ms()
if st == 'a' and not force then -- guard: active
  return { 'LOCKED', job.w or '', math.max(0, lease) }
end
local prev = names[st] or st
local set = prev == 'waiting' and 'wait' or prev
if st == 'a' then
  bury(P, id, job.ep, 'r')
  -- so that it comes back fenced, if it does
  job.ep = '0'
  write_status(P, id, job)
end
local bin = open_trash(P, operation, action, who, now_ms())
bin.removed(set, { id })
redis.call('zrem', P .. set, id)
delete_job(P, id)
local emit, seal = events(P)
if st == 'a' then
  emit('removed', id, job.t, 'prev', prev, 'forced', 1)
else
  emit('removed', id, job.t, 'prev', prev)
end
seal()
return answered(P, request, { 'OK', st, bin.close() })
