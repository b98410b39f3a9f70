-- Pauses a queue: nothing is taken any more, what runs goes on.
-- KEYS[1] queue prefix
-- Returns {'OK', 1 if it was not paused before}
-- Events  paused
-- include: events
local P = KEYS[1]
local meta = P .. 'meta'
redis.call('zrem', P .. 'wait', '')

if redis.call('hget', meta, 'paused') == '1' then -- guard: paused
  return { 'OK', 0 }
end
redis.call('hset', meta, 'paused', 1)
local emit, seal = events(P)
emit('paused')
seal()
return { 'OK', 1 }
