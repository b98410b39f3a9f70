-- release_worker: give back what a dead worker held, without waiting for its leases to end.
-- KEYS[1]  the queue's prefix
-- ARGV     worker, how many entries of `active` to pass over
-- Returns  { how many were given back, next entry to look at or -1 when all have been seen }
-- Events   stalled, then waiting or failed
-- include: time
-- include: record
-- include: events
-- include: figures
-- include: place
-- include: attempts
-- include: stall
local P = KEYS[1]
local worker, skip = ARGV[1], tonumber(ARGV[2])
redis.call('zrem', P .. 'active', '')
local now = now_ms()
local emit, seal = events(P)
local figures = figures(P, now)
local max_stalled = tonumber(redis.call('hget', P .. 'meta', 'max_stalled') or '3')
local seen = redis.call('zrange', P .. 'active', skip, skip + 99)
local given_back = 0
for _, id in ipairs(seen) do
  local job = read_job(P, id)
  if job and job.w == worker then -- guard: anothers, lets pass
    if stall(P, id, now, emit, figures, max_stalled) then
      given_back = given_back + 1
    end
  end
end
if given_back > 0 then
  wake(P)
  figures.write()
end
seal()
return { given_back, #seen == 100 and skip + 100 - given_back or -1 }
