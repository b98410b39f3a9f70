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

local job = read_job(P, id)
if not job then -- guard: exists
  return { 'NOTFOUND' }
end
local st, before = job.st, tonumber(job.p or '11')
if st ~= 'w' and st ~= 'd' then -- guard: queued
  return { 'STATE', st }
end
if before == priority then -- guard: change
  return { 'OK', before }
end
job.p = priority
write_status(P, id, job)
if st == 'w' then
  redis.call('zadd', P .. 'wait', place(P, priority, job.li), id)
end
return { 'OK', before }
