-- Retrying one failed job.
--
--   revive(P, id, emit) -> generation, or nil where there is no record (a stray id is dropped)
--       The caller has made sure that the job is failed, and wakes a worker afterwards.

-- include: record
-- include: place

local function revive(P, id, emit)
  local key = job_key(P, id)
  redis.call('zrem', P .. 'failed', id)
  redis.call('zrem', P .. 'expire', id)
  local record = redis.call('hmget', key, 'st', 't', 'p', 'li')
  if not record[1] then -- guard: no_record
    return nil
  end
  local score = place(P, tonumber(record[3]) or 11, record[4])
  -- an expiry that has passed would fail the job again at once
  redis.call('hdel', key, 'am', 'stc', 'rel', 'er', 'fon', 'pon', 'w', 'pg', 'cx', 'ra', 'ex', 'fp')
  redis.call('hdel', result_key(P, id), id)
  redis.call('hset', key, 'st', 'w', 'sc', score)
  local gen = redis.call('hincrby', key, 'gen', 1)
  redis.call('zadd', P .. 'wait', score, id)
  emit('waiting', id, record[2], 'prev', 'failed')
  return gen
end
