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

local key = job_key(P, id)
local record = redis.call('hmget', key, 'st', 't', 'p', 'li')
if not record[1] then -- guard: exists
  return { 'NOTFOUND' }
end
if record[1] ~= 'd' then -- guard: delayed
  return { 'STATE', record[1] }
end
local score = place(P, tonumber(record[3]) or 11, record[4])
redis.call('zrem', P .. 'delayed', id)
redis.call('zadd', P .. 'wait', score, id)
redis.call('hdel', key, 'ra', 'eta')
redis.call('hset', key, 'st', 'w', 'sc', score)
wake(P)
local emit = events(P)
emit('waiting', id, record[2], 'prev', 'delayed')
return answered(P, request, { 'OK' })
