-- Removes up to 250 of the failed jobs whose last error has one fingerprint, the oldest first.
-- Looks at no more than 250 failed jobs per call.
-- KEYS[1] queue prefix
-- ARGV    fingerprint, limit (at most 250, 100 where an undo is kept), until and cursor ('' at
--         first, then what the last call returned), operation ('' keeps nothing for an undo), its
--         action, who, request (the same when sent again)
-- Returns {'OK', 1 when done, until, cursor, looked at, ids, 1 when all can be undone}
-- Events  cleaned (state, count, group), when something was removed
-- include: time
-- include: record
-- include: deletion
-- include: events
-- include: walk
-- include: replay
-- include: trash
local P = KEYS[1]
local fp, before, cursor = ARGV[1], ARGV[3], ARGV[4]
local operation, action, who, request = ARGV[5], ARGV[6], ARGV[7], ARGV[8] or ''
local limit = math.min(tonumber(ARGV[2]), operation == '' and 250 or 100)
redis.call('zrem', P .. 'failed', '')
local known = replayed(P, request)
if known then -- guard: replay
  return known
end

local now = now_ms()
if before == '' then
  before = string.format('%.0f', now)
end
local bin = open_trash(P, operation, action, who, now)
local ids, looked, done
ids, cursor, looked, done = walk_group(P, fp, before, cursor, limit)
if ids[1] then
  bin.removed('failed', ids)
  redis.call('zrem', P .. 'failed', unpack(ids))
  delete_jobs(P, ids)
  local emit, seal = events(P)
  emit('cleaned', false, false, 'state', 'failed', 'count', #ids, 'group', fp)
  seal()
end
return answered(P, request, { 'OK', done and 1 or 0, before, cursor, looked, ids, bin.close() })
