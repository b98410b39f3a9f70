-- Pauses or resumes a schedule: while paused, its slots pass without a run.
-- KEYS[1] queue prefix
-- ARGV    name, pause ('1' or '')
-- Returns {'OK', 1 if that changed something} | {'NOTFOUND'}
-- Events  none
local P = KEYS[1]
local name, pause = ARGV[1], ARGV[2] == '1'
local sched, flag = P .. 'sched', name .. ':paused'
redis.call('zrem', P .. 'wait', '')

if redis.call('hexists', sched, name .. ':spec') == 0 then -- guard: exists
  return { 'NOTFOUND' }
end
return { 'OK', pause and redis.call('hset', sched, flag, 1) or redis.call('hdel', sched, flag) }
