-- Lets a delayed job run now: it joins the line of its priority at the end.
-- KEYS[1] queue prefix
-- ARGV    id, request (the same when sent again)
-- Returns {'OK'} | {'NOTFOUND'} | {'STATE', letter}
-- Events  waiting (prev)
-- include: record
-- include: events
-- include: place
-- include: replay
local P = KEYS[1]
local id, request = ARGV[1], ARGV[2]
redis.call('zrem', P .. 'wait', '')
local before = replayed(P, request)
if before then -- guard: replay
  return before
end

local job = read_job(P, id)
if not job then -- guard: exists
  return { 'NOTFOUND' }
end
if job.st ~= 'd' then -- guard: delayed
  return { 'STATE', job.st }
end
redis.call('zrem', P .. 'delayed', id)
redis.call('zadd', P .. 'wait', place(P, tonumber(job.p or '11'), job.li), id)
job.st, job.ra, job.eta = 'w', nil, job.eta and ''
write_status(P, id, job)
wake(P)
local emit, seal = events(P)
emit('waiting', id, job.t, 'prev', 'delayed')
seal()
return answered(P, request, { 'OK' })
