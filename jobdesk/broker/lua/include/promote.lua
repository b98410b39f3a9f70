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
    redis.call('zrem', P .. 'delayed', id)
    local job = read_job(P, id)
    if job then -- guard: no_record, lets pass
      job.st = 'w'
      write_status(P, id, job)
      local score = place(P, tonumber(job.p or '11'), job.li)
      redis.call('zadd', P .. 'wait', score, id)
      emit('waiting', id, job.t, 'prev', 'delayed')
    end
  end
  if due[1] then
    head = redis.call('zrange', P .. 'delayed', 0, 0, 'withscores')
  end
  return head[1] and tonumber(head[2]) or -1
end
