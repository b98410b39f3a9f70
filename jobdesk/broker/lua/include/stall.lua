-- stall(P, id, now, emit, figures, max_stalled): take an active job from a worker that vanished.
-- It goes back to its old place; after more than max_stalled times it fails as JobStalled, and is
-- kept or not as any failed job.
-- The epoch is cleared, so that a finish of the lost run is refused as stale.
-- Events: stalled {w, stalls}, then waiting {prev=active} or failed.

-- include: retention
-- include: groups

local function stall(P, id, now, emit, figures, max_stalled)
  redis.call('zrem', P .. 'active', id)
  local job = read_job(P, id)
  if not job or job.st ~= 'a' then -- guard: not_active
    return false
  end
  local stalls, place = tonumber(job.stc or '0') + 1, job.sc
  figures.add('st', 1)
  emit('stalled', id, job.t, 'w', job.w or '', 'stalls', stalls)
  local worker = cjson.encode(job.w or '')
  local attempt = tonumber(job.am or '0') + 1
  job.ep, job.stc, job.sc = '0', stalls, nil
  if stalls > max_stalled or job.cx then -- guard: stalled_out
    local why = job.cx and 'JobCancelled: cancelled by an operator'
      or 'JobStalled: its worker vanished ' .. stalls .. ' times'
    local fp = job.cx and fingerprint(job.t, 'JobCancelled', 'cancelled by an operator')
      or fingerprint(job.t, 'JobStalled', 'its worker vanished # times')
    if keep_own(P, id, job.rf, redis.call('hget', P .. 'meta', 'rf'), now) then
      keep_attempt(
        P, id, attempt, job.pon, job.gen, now,
        '"o":"failed","w":' .. worker .. ',"err":' .. cjson.encode(why) .. ',"tb":""}'
      )
      job.st, job.fon, job.er, job.fp = 'f', now, string.sub(why, 1, 60), fp
      write_status(P, id, job)
      redis.call('zadd', P .. 'failed', now, id)
    else
      bury(P, id, '0', 'f', why)
      delete_job(P, id)
    end
    figures.add('f', 1)
    local groups = error_groups(P, now)
    groups.count(fp, id, job.t, string.sub(why, 1, 60), true)
    groups.write()
    emit('failed', id, job.t, 'err', why, 'prev', 'active')
    return true
  end
  keep_attempt(
    P, id, attempt, job.pon, job.gen, now,
    '"o":"stalled","w":' .. worker .. ',"err":"JobStalled: its worker vanished","tb":""}'
  )
  job.st = 'w'
  write_status(P, id, job)
  redis.call('zadd', P .. 'wait', place, id)
  emit('waiting', id, job.t, 'prev', 'active', 'reason', 'stalled')
  return true
end
