-- count_in_window: count one use within a window of time that starts with the first use.
-- KEYS[1]  the queue's prefix
-- ARGV     counter, window ms, request (the same when sent again)
-- Returns  { uses so far, ms until the window ends }
-- Events   none
-- include: replay
local P = KEYS[1]
local request = ARGV[3]
local counter, window = P .. 'cnt:' .. ARGV[1], tonumber(ARGV[2])
redis.call('zrem', P .. 'wait', '')
local known = replayed(P, request)
if known then -- guard: replay
  return known
end
local used = redis.call('incr', counter)
if used == 1 then
  redis.call('pexpire', counter, window)
end
return answered(P, request, { used, redis.call('pttl', counter) })
