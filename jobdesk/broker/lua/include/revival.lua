-- Retrying failed jobs.
--
--   revive(P, ids, emit) -> ids, generations: of those that are back in the line, in order
--       At most 100; one without a record is a stray, and dropped. The caller has made sure that
--       they are failed, and wakes a worker afterwards.

-- include: record
-- include: place

local function revive(P, ids, emit)
  local revived, generations, waiting = {}, {}, {}
  if not ids[1] then -- guard: nothing_to_revive
    return revived, generations
  end
  redis.call('zrem', P .. 'failed', unpack(ids))
  redis.call('zrem', P .. 'expire', unpack(ids))
  local last = redis.call('incrby', P .. 'seq', #ids)
  for i, id in ipairs(ids) do
    local job = read_job(P, id)
    if job then -- guard: no_record, lets pass
      local score = score_of(tonumber(job.p or '11'), job.li, last - #ids + i)
      local generation = tonumber(job.gen or '0') + 1
      -- an expiry that has passed would fail the job again at once
      local again = {
        st = 'w', ep = job.ep, gen = generation, ex = job.ex and '', p = rawget(job, 'p'),
        eta = rawget(job, 'eta'),
      }
      write_status(P, id, again)
      waiting[#waiting + 1] = score
      waiting[#waiting + 1] = id
      revived[#revived + 1] = id
      generations[#generations + 1] = generation
      emit('waiting', id, job.t, 'prev', 'failed')
    end
  end
  if waiting[1] then
    redis.call('zadd', P .. 'wait', unpack(waiting))
  end
  return revived, generations
end
