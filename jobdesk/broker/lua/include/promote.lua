-- promote_due(P, now, emit): move up to 100 due jobs from `delayed` to `wait`.
-- Returns when the next delayed job is due (ms), or -1.
-- Events: waiting {prev=delayed} for each.
local function promote_due(P, now, emit)
  local head = redis.call('zrange', P .. 'delayed', 0, 0, 'withscores')
  local due = {}
  if head[1] and tonumber(head[2]) <= now then
    due = redis.call('zrangebyscore', P .. 'delayed', '-inf', now, 'limit', 0, 100)
  end
  for _, id in ipairs(due) do
    local J = job_key(P, id)
    redis.call('zrem', P .. 'delayed', id)
    local f = redis.call('hmget', J, 't', 'p', 'li')
    if f[1] then -- guard: no_record, lets pass
      local score = place(P, tonumber(f[2]), f[3])
      redis.call('hset', J, 'st', 'w', 'sc', score)
      redis.call('zadd', P .. 'wait', score, id)
      emit('waiting', id, f[1], 'prev', 'delayed')
    end
  end
  if due[1] then
    head = redis.call('zrange', P .. 'delayed', 0, 0, 'withscores')
  end
  return head[1] and tonumber(head[2]) or -1
end
