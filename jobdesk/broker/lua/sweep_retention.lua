-- Removes ended jobs that are kept no longer: by their own retention where they have one, else by
-- the queue's. Looks at up to 100 jobs per call.
-- KEYS[1] queue prefix
-- ARGV    default retention of completed and of failed jobs ("age_ms:count"), where the queue has
--         none; limit (at most 100)
-- Returns {'OK', removed, 1 when another call may find more}
-- Events  cleaned (reason=retention, count), when something was removed
-- include: time
-- include: record
-- include: deletion
-- include: events
-- include: retention
local P = KEYS[1]
local limit = math.min(tonumber(ARGV[3]), 100)
local meta = P .. 'meta'
redis.call('zrem', P .. 'wait', '')

local now = now_ms()
local policy = redis.call('hmget', meta, 'rc', 'rf', 'sweep:at')
if now - (tonumber(policy[3]) or 0) > 600000 then
  -- a kept job's own count may be exceeded by now: walk the block of kept jobs again
  redis.call('hdel', meta, 'sweep:completed', 'sweep:failed')
  redis.call('hset', meta, 'sweep:at', now)
end

local removed, left = 0, limit
local due = redis.call('zrangebyscore', P .. 'expire', '-inf', now, 'LIMIT', 0, limit)
if #due > 0 then
  redis.call('zrem', P .. 'expire', unpack(due))
  local gone = {}
  for i = 1, #due do
    -- only an ended job expires, wherever its id came from
    local ended = redis.call('zrem', P .. 'completed', due[i])
      + redis.call('zrem', P .. 'failed', due[i])
    if ended > 0 then -- guard: not_ended, lets pass
      gone[#gone + 1] = due[i]
    end
  end
  delete_jobs(P, gone)
  removed, left = #gone, limit - #due
end
local more = left == 0
for i, state in ipairs({ 'completed', 'failed' }) do
  local age, count = parse_retention(policy[i] or ARGV[i])
  if (age or count) and left > 0 then
    local n, again = trim(P, state, age, count, now, left)
    removed, left, more = removed + n, left - n, more or again
  end
end
if removed > 0 then
  local emit, seal = events(P)
  emit('cleaned', false, false, 'reason', 'retention', 'count', removed)
  seal()
end
return { 'OK', removed, more and 1 or 0 }
