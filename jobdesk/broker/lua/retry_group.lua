-- Puts up to 100 of the failed jobs whose last error has one fingerprint back in the line, the
-- oldest first. Looks at no more than 250 failed jobs per call.
-- KEYS[1] queue prefix
-- ARGV    fingerprint, limit (at most 100), until and cursor ('' at first, then what the last call
--         returned), operation ('' keeps nothing for an undo), its action, who, request (the same
--         when sent again)
-- Returns {'OK', 1 when done, until, cursor, looked at, ids, 1 when all can be undone}
-- Events  waiting (prev), one per job
-- include: time
-- include: record
-- include: events
-- include: revival
-- include: walk
-- include: replay
-- include: trash
local P = KEYS[1]
local fp, limit, before, cursor = ARGV[1], math.min(tonumber(ARGV[2]), 100), ARGV[3], ARGV[4]
local operation, action, who, request = ARGV[5], ARGV[6], ARGV[7], ARGV[8] or ''
redis.call('zrem', P .. 'wait', '')
local known = replayed(P, request)
if known then -- guard: replay
  return known
end

local now = now_ms()
if before == '' then
  before = string.format('%.0f', now)
end
local emit, seal = events(P)
local bin = open_trash(P, operation, action, who, now)
local ids, looked, done
ids, cursor, looked, done = walk_group(P, fp, before, cursor, limit)
for _, id in ipairs(ids) do
  bin.retried(id)
end
revive(P, ids, emit)
if ids[1] then
  wake(P)
end
seal()
return answered(P, request, { 'OK', done and 1 or 0, before, cursor, looked, ids, bin.close() })
