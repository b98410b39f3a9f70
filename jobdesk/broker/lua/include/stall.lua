-- stall(P, id, now, emit, figures, max_stalled): take an active job from a worker that vanished.
-- It goes back to its old place; after more than max_stalled times it fails as JobStalled, and is
-- kept or not as any failed job.
-- The epoch is cleared, so that a finish of the lost run is refused as stale.
-- Events: stalled {w, stalls}, then waiting {prev=active} or failed.

-- include: retention
-- include: groups

local function stall(P, id, now, emit, figures, max_stalled)
  local J = job_key(P, id)
  redis.call('zrem', P .. 'active', id)
  local f = redis.call('hmget', J, 't', 'w', 'stc', 'am', 'pon', 'gen', 'sc', 'st', 'cx', 'rf')
  if not f[1] or f[8] ~= 'a' then -- guard: not_active
    return false
  end
  local stalls = tonumber(f[3] or '0') + 1
  figures.add('st', 1)
  emit('stalled', id, f[1], 'w', f[2] or '', 'stalls', stalls)
  local worker = cjson.encode(f[2] or '')
  local am = tonumber(f[4] or '0')
  if stalls > max_stalled or f[9] then -- guard: stalled_out
    local why = f[9] and 'JobCancelled: cancelled by an operator'
      or 'JobStalled: its worker vanished ' .. stalls .. ' times'
    local fp = f[9] and fingerprint(f[1], 'JobCancelled', 'cancelled by an operator')
      or fingerprint(f[1], 'JobStalled', 'its worker vanished # times')
    if keep_own(P, id, f[10], redis.call('hget', P .. 'meta', 'rf'), now) then
      keep_attempt(
        P, id, am + 1, f[5], f[6], now,
        '"o":"failed","w":' .. worker .. ',"err":' .. cjson.encode(why) .. ',"tb":""}'
      )
      redis.call(
        'hset', J, 'st', 'f', 'ep', '0', 'fon', now, 'stc', stalls, 'er', string.sub(why, 1, 60),
        'fp', fp
      )
      redis.call('zadd', P .. 'failed', now, id)
    else
      bury(P, id, '0', 'f', why)
      delete_job(P, id)
    end
    figures.add('f', 1)
    local groups = error_groups(P, now)
    groups.count(fp, id, f[1], string.sub(why, 1, 60), true)
    groups.write()
    emit('failed', id, f[1], 'err', why, 'prev', 'active')
    return true
  end
  keep_attempt(
    P, id, am + 1, f[5], f[6], now,
    '"o":"stalled","w":' .. worker .. ',"err":"JobStalled: its worker vanished","tb":""}'
  )
  redis.call('hset', J, 'st', 'w', 'ep', '0', 'stc', stalls)
  redis.call('zadd', P .. 'wait', f[7], id)
  emit('waiting', id, f[1], 'prev', 'active', 'reason', 'stalled')
  return true
end
