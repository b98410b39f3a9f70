-- Puts a failed job back in the line, as if new: attempts and stalls start over, its priority is
-- kept, its place is a new one. What was tried before stays in its history, by generation.
-- KEYS[1] queue prefix
-- ARGV    id, request (the same when sent again), operation ('' keeps nothing for an undo), its
--         action, who
-- Returns {'OK', generation, 1 when it can be undone} | {'NOTFOUND'} | {'STATE', letter}
-- Events  waiting (prev)
-- include: time
-- include: record
-- include: events
-- include: place
-- include: revival
-- include: replay
-- include: trash
local P = KEYS[1]
local id, request = ARGV[1], ARGV[2]
local operation, action, who = ARGV[3] or '', ARGV[4], ARGV[5]
redis.call('zrem', P .. 'wait', '')
local before = replayed(P, request)
if before then -- guard: replay
  return before
end

local job = read_job(P, id)
if not job then -- guard: exists
  return { 'NOTFOUND' }
end
if job.st ~= 'f' then -- guard: failed
  return { 'STATE', job.st }
end
local emit, seal = events(P)
local bin = open_trash(P, operation, action, who, now_ms())
bin.retried(id)
local _, generations = revive(P, { id }, emit)
wake(P)
seal()
return answered(P, request, { 'OK', generations[1], bin.close() })
