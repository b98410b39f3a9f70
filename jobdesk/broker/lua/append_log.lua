-- append_log: add lines to the log of a running job; the last 1,000 are kept.
-- KEYS[1]  the queue's prefix
-- ARGV     id, epoch, request (the same when sent again), lines (at most 100)
-- Returns  OK or STALE
-- Events   none
-- Denied at maxmemory.
-- include: record
-- include: replay
local P = KEYS[1]
local id, epoch, request = ARGV[1], ARGV[2], ARGV[3]
local known = replayed(P, request)
if known then -- guard: replay
  return known
end
if not runs(P, id, epoch) then -- guard: fence
  return 'STALE'
end
local log = P .. 'log:' .. id
for i = 4, #ARGV do
  redis.call('rpush', log, ARGV[i])
end
redis.call('ltrim', log, -1000, -1)
return answered(P, request, 'OK')
