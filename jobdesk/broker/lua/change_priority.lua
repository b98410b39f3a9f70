-- Gives a job another priority: a waiting one joins the end of that priority's line, a delayed
-- one will.
-- KEYS[1] queue prefix
-- ARGV    id, priority (1 to 10, 11 for none)
-- Returns {'OK', priority before} | {'NOTFOUND'} | {'STATE', letter}
-- Events  none
-- include: record
-- include: waiting
local P = KEYS[1]
local id, priority = ARGV[1], tonumber(ARGV[2])
redis.call('zrem', P .. 'wait', '')

local key = job_key(P, id)
local record = redis.call('hmget', key, 'st', 'p')
local st, before = record[1], tonumber(record[2]) or 11
if not st then return { 'NOTFOUND' } end -- guard: exists
if st ~= 'w' and st ~= 'd' then return { 'STATE', st } end -- guard: queued
if before == priority then return { 'OK', before } end -- guard: change
if st == 'w' then
  local score = next_score(P, priority)
  redis.call('zadd', P .. 'wait', score, id)
  redis.call('hset', key, 'p', priority, 'sc', score)
else
  redis.call('hset', key, 'p', priority)
end
return { 'OK', before }
