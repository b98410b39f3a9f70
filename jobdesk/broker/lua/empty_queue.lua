-- Removes waiting jobs, then delayed ones, up to 250 per call.
-- KEYS[1] queue prefix
-- ARGV    limit (at most 250, 100 where an undo is kept), operation ('' keeps nothing for an
--         undo), its action, who, request (the same when sent again)
-- Returns {'OK', removed, waiting and delayed jobs left, 1 when all can be undone}
-- Events  cleaned (state, count) per state; drained when the last one went
-- include: time
-- include: record
-- include: deletion
-- include: events
-- include: replay
-- include: trash
local P = KEYS[1]
local operation, action, who, request = ARGV[2] or '', ARGV[3], ARGV[4], ARGV[5] or ''
local limit = math.min(tonumber(ARGV[1]), operation == '' and 250 or 100)
redis.call('zrem', P .. 'wait', '')
local known = replayed(P, request)
if known then -- guard: replay
  return known
end

local emit, seal = events(P)
local bin = open_trash(P, operation, action, who, now_ms())
local removed = 0
local function clear(set, state)
  if removed >= limit then -- guard: limit
    return
  end
  local found = redis.call('zrange', P .. set, 0, limit - removed - 1)
  if #found > 0 then
    bin.removed(set, found)
    redis.call('zrem', P .. set, unpack(found))
    delete_jobs(P, found)
    emit('cleaned', false, false, 'state', state, 'count', #found)
    removed = removed + #found
  end
end
clear('wait', 'waiting')
clear('delayed', 'delayed')
local left = redis.call('zcard', P .. 'wait') + redis.call('zcard', P .. 'delayed')
if removed > 0 and left == 0 then
  emit('drained')
end
seal()
return answered(P, request, { 'OK', removed, left, bin.close() })
