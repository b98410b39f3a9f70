-- Puts a failed job back in the line, as if new: attempts and stalls start over, its priority is
-- kept, its place is a new one. What was tried before stays in its history, by generation.
-- KEYS[1] queue prefix
-- ARGV    id, request (the same when sent again)
-- Returns {'OK', generation} | {'NOTFOUND'} | {'STATE', letter}
-- Events  waiting (prev)
-- include: record
-- include: events
-- include: place
-- include: revival
-- include: replay
local P = KEYS[1]
local id, request = ARGV[1], ARGV[2]
redis.call('zrem', P .. 'wait', '')
local before = replayed(P, request)
if before then -- guard: replay
  return before
end

local st = redis.call('hget', job_key(P, id), 'st')
if not st then -- guard: exists
  return { 'NOTFOUND' }
end
if st ~= 'f' then -- guard: failed
  return { 'STATE', st }
end
local emit = events(P)
local gen = revive(P, id, emit)
wake(P)
return answered(P, request, { 'OK', gen })
