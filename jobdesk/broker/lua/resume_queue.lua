-- Resumes a paused queue, and wakes a worker.
-- KEYS[1] queue prefix
-- Returns {'OK', 1 if it was paused before}
-- Events  resumed
-- include: events
-- include: place
local P = KEYS[1]
redis.call('zrem', P .. 'wait', '')

if redis.call('hdel', P .. 'meta', 'paused') == 0 then -- guard: paused
  return { 'OK', 0 }
end
wake(P)
local emit, seal = events(P)
emit('resumed')
seal()
return { 'OK', 1 }
