-- Gives a job another priority: a waiting one joins the end of that priority's line, a delayed
-- one will.
-- KEYS[1] queue prefix
-- ARGV    id, priority (1 to 10, 11 for none)
-- Returns {'OK', priority before} | {'NOTFOUND'} | {'STATE', letter}
-- Events  none
-- include: record
-- include: place
local P = KEYS[1]
local id, priority = ARGV[1], tonumber(ARGV[2])
redis.call('zrem', P .. 'wait', '')

local key = job_key(P, id)
local record = redis.call('hmget', key, 'st', 'p', 'li')
local st, before = record[1], tonumber(record[2]) or 11
if not st then -- guard: exists
  return { 'NOTFOUND' }
end
if st ~= 'w' and st ~= 'd' then -- guard: queued
  return { 'STATE', st }
end
if before == priority then -- guard: change
  return { 'OK', before }
end
if st == 'w' then
  local score = place(P, priority, record[3])
  redis.call('zadd', P .. 'wait', score, id)
  redis.call('hset', key, 'p', priority, 'sc', score)
else
  redis.call('hset', key, 'p', priority)
end
return { 'OK', before }
