-- Puts up to 100 failed jobs back in the line, those that failed first before the others.
-- KEYS[1] queue prefix
-- ARGV    limit, until ('' at first, then what the last call returned: a job that fails again
--         meanwhile is not retried again), operation ('' keeps nothing for an undo), its
--         action, who, request (the same when sent again)
-- Returns {'OK', retried, still to do, until, ids, 1 when all can be undone}
-- Events  waiting (prev), one per job
-- include: time
-- include: record
-- include: events
-- include: place
-- include: revival
-- include: replay
-- include: trash
local P = KEYS[1]
local limit, before = math.min(tonumber(ARGV[1]), 100), ARGV[2]
local operation, action, who, request = ARGV[3] or '', ARGV[4], ARGV[5], ARGV[6] or ''
redis.call('zrem', P .. 'wait', '')
local known = replayed(P, request)
if known then -- guard: replay
  return known
end

local now = now_ms()
if before == '' then
  before = now
end
local bin = open_trash(P, operation, action, who, now)
local emit, seal = events(P)
local found = redis.call('zrangebyscore', P .. 'failed', '-inf', before, 'LIMIT', 0, limit)
for _, id in ipairs(found) do
  bin.retried(id)
end
local ids = revive(P, found, emit)
if ids[1] then
  wake(P)
end
seal()
local left = redis.call('zcount', P .. 'failed', '-inf', before)
return answered(P, request, { 'OK', #ids, left, before, ids, bin.close() })
