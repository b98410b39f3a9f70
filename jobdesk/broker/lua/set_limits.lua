-- Sets how many jobs of a queue may run at once over all workers, and how many may start in a
-- span of time.
-- KEYS[1] queue prefix
-- ARGV    max_active, limit_jobs, limit_ms: a number, '' for no limit, '-' to leave it
-- Returns {'OK'}
-- Events  none
-- include: place
local P = KEYS[1]
local names = { 'max_active', 'limit_jobs', 'limit_ms' }
local meta = P .. 'meta'
redis.call('zrem', P .. 'wait', '')

for i = 1, 3 do
  local value = ARGV[i]
  if value == '' then
    redis.call('hdel', meta, names[i])
  elseif value ~= '-' then
    redis.call('hset', meta, names[i], value)
  end
end
if ARGV[2] ~= '-' then
  redis.call('del', P .. 'lim')
end
wake(P)
return { 'OK' }
