-- fire_schedule: add the job of one slot of a schedule, once however many schedulers ask.
-- KEYS[1]  the queue's prefix
-- ARGV     schedule, slot ms, then one job as in include/add.lua, its id made of both
-- Returns  FIRED, LATE (that slot, or a later one, has been fired), PAUSED, AHEAD (by the server's
--          clock the slot is still to come), or FIRST (nobody has seen this schedule before: the
--          slot, which came before it, is noted and not run)
-- Events   waiting
-- include: time
-- include: record
-- include: events
-- include: counts
-- include: place
-- include: add
local P = KEYS[1]
local name, slot = ARGV[1], tonumber(ARGV[2])
redis.call('zrem', P .. 'wait', '')
local now = now_ms()
local state = redis.call('hmget', P .. 'sched', name, name .. ':paused')
if state[2] then -- guard: paused
  return 'PAUSED'
end
if state[1] and tonumber(state[1]) >= slot then -- guard: slot_fired
  return 'LATE'
end
if slot > now then -- guard: slot_ahead
  return 'AHEAD'
end
if not state[1] then -- guard: first_sight
  redis.call('hset', P .. 'sched', name, slot)
  return 'FIRST'
end
local emit, seal = events(P)
local _, new = add_job(P, now, emit, ARGV, 3)
redis.call('hset', P .. 'sched', name, slot)
if new then
  counting(P, now)('a', 1)
  wake(P)
end
seal()
return 'FIRED'
