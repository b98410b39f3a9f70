-- release_lock: give up a lock, if it is still the caller's.
-- KEYS[1]  the queue's prefix
-- ARGV     name, token ('' releases whoever's it is)
-- Returns  1 or 0
-- Events   none
local P = KEYS[1]
local lock, token = P .. 'lock:' .. ARGV[1], ARGV[2]
redis.call('zrem', P .. 'wait', '')
if token ~= '' and redis.call('get', lock) ~= token then -- guard: owner
  return 0
end
return redis.call('del', lock)
