-- exchange_jobs: book what a worker has finished and hand it as much as it has room for.
-- KEYS[1]  the queue's prefix
-- ARGV     worker, request number, how many to take, lease ms, housekeeping ('1': reap stalled
--          jobs too), number of finishes, then each finish:
--            id, epoch, kind, value, error, attempt, delay_ms, progress, n continuations, each as
--            in include/add.lua, m outgoing entries, each a JSON text
--          kind: c completed · r to be retried, costs an attempt · n to be run again, costs none ·
--                f failed · x failed without having run · b given back at its old place ·
--                s not due yet, to be delayed
--          value: of c the result, of s when it is due (ms), of r, f and x the error's fingerprint ('' for none) ·
--          error: "Class: message", cut for the record · attempt: the rest of the attempt's JSON,
--          see include/attempts.lua
-- Returns  { now, epoch, next due or -1, ms until the rate limit opens or -1, jobs waiting,
--            { OK | ALREADY | STALE per finish },
--            { id, type, payload, record, revocations, … },
--            with housekeeping: how many entries wait in outgoing }
--          record: attempts, made, timeout, backoff, generation, stalls, progress, expires and, of a
--          job that is not due yet, when it is,
--          with tabs between (JSON writes a tab as \t, so there is none in progress)
-- Events   completed, retrying, delayed, waiting, failed, drained; active; stalled
-- Safe to send again: a finish is known by its epoch, a take by worker and request number.
-- include: time
-- include: record
-- include: deletion
-- include: events
-- include: figures
-- include: place
-- include: add
-- include: promote
-- include: attempts
-- include: groups
-- include: stall
-- include: retention
local P = KEYS[1]
local worker, request, want = ARGV[1], ARGV[2], tonumber(ARGV[3])
local lease, housekeeping, finishes = tonumber(ARGV[4]), ARGV[5] == '1', tonumber(ARGV[6])

-- a write that frees memory comes first, so that this runs on at maxmemory
redis.call('zrem', P .. 'active', '')
local us = now_us()
local now = math.floor(us / 1000)
-- a number is formatted anew by every command that takes it
local now_text, lease_text = string.format('%.0f', now), string.format('%.0f', now + lease)
local emit, batch = events(P)
local seal = batch()
local figures = figures(P, now)
local groups = error_groups(P, now)
local meta = redis.call(
  'hmget', P .. 'meta', 'paused', 'max_active', 'limit_jobs', 'limit_ms', 'rc', 'rf', 'max_stalled'
)

local any_revoked = redis.call('exists', P .. 'revoked') == 1

-- what the finishes below have in common goes into one command each
local gone, ended_at, results, own_counts = {}, { c = {}, f = {} }, {}, {}
local SETS = { c = P .. 'completed', f = P .. 'failed' }

local function flush_ended(state)
  local members = ended_at[state]
  if members[1] then
    redis.call('zadd', SETS[state], unpack(members))
    ended_at[state] = {}
  end
end

local function ended(id, J, state, own, default, epoch, text, fields)
  local age, count = parse_retention(own or default)
  if count == 0 then -- guard: not_kept
    delete_job(P, id)
    bury(P, id, epoch, state, text)
    return
  end
  redis.call('hset', J, 'st', state, 'fon', now_text, unpack(fields))
  local members = ended_at[state]
  members[#members + 1] = now_text
  members[#members + 1] = id
  if state == 'c' and text ~= '' then
    local s = shard(id)
    local list = results[s] or {}
    list[#list + 1] = id
    list[#list + 1] = text
    results[s] = list
  end
  if own and age then
    redis.call('zadd', P .. 'expire', now + age, id)
  end
  if own and count then
    own_counts[state] = math.min(count, own_counts[state] or count)
  end
end

-- a finish for a job that is not active under its epoch: booked before, or another's by now
local function late(id, epoch, last)
  if last == epoch then -- guard: booked
    return 'ALREADY'
  end
  local tomb = redis.call('get', P .. 'tomb:' .. id)
  local same = tomb and string.sub(tomb, 1, #epoch + 1) == epoch .. ' '
  if same and not string.find(tomb, '^%d+ r') then -- guard: booked_and_gone
    return 'ALREADY'
  end
  return 'STALE'
end

local function complete(id, J, epoch, value, progress)
  local f = redis.call('hmget', J, 'ep', 't', 'pon', 'am', 'rc', 'st')
  if f[1] ~= epoch or f[6] ~= 'a' then -- guard: fence_complete
    return late(id, epoch, f[1])
  end
  gone[#gone + 1] = id
  local made = f[4] and tonumber(f[4]) + 1 or '1'
  local fields = { 'am', made }
  if progress ~= '' then
    fields = { 'am', made, 'pg', progress }
  end
  figures.run(now - tonumber(f[3] or now))
  figures.add('c', 1)
  ended(id, J, 'c', f[5], meta[5], epoch, value, fields)
  emit('completed', id, f[2], 'a', made)
  return 'OK'
end

-- a retry's way back into the line: its error handler, added below, goes before it
local requeue

local function finish(at)
  local id, epoch, kind, value = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local err, attempt, delay = ARGV[at + 4], ARGV[at + 5], tonumber(ARGV[at + 6])
  local progress = ARGV[at + 7]
  local J = job_key(P, id)
  if kind == 'c' then -- guard: completed
    return complete(id, J, epoch, value, progress)
  end
  local f = redis.call(
    'hmget', J, 'ep', 't', 'pon', 'am', 'gen', 'sc', 'p', 'rel', 'li', 'rf', 'st', 'cx'
  )
  if f[1] ~= epoch or f[11] ~= 'a' then -- guard: fence
    return late(id, epoch, f[1])
  end
  redis.call('zrem', P .. 'active', id)
  if f[12] and kind ~= 'f' and kind ~= 'x' then -- guard: cancelled
    -- an operator wanted it stopped, and its worker had not heard of it yet: it does not run again
    kind, err = kind == 'r' and 'f' or 'x', 'JobCancelled: cancelled by an operator'
    value = fingerprint(f[2], 'JobCancelled', 'cancelled by an operator')
    attempt = '"o":"failed","w":' .. cjson.encode(worker) .. ',"err":"' .. err .. '","tb":""}'
  end
  local made = tonumber(f[4] or '0')
  local fields = {}
  if progress ~= '' then
    fields = { 'pg', progress }
  end
  if kind ~= 'b' and kind ~= 's' then
    figures.run(now - tonumber(f[3] or now))
  end

  if kind == 'f' or kind == 'x' then
    if kind == 'f' then
      made = made + 1
      fields[#fields + 1] = 'am'
      fields[#fields + 1] = made
    end
    fields[#fields + 1] = 'er'
    fields[#fields + 1] = err
    if value ~= '' then
      fields[#fields + 1] = 'fp'
      fields[#fields + 1] = value
      groups.count(value, id, f[2], err, true)
    end
    keep_attempt(P, id, made, f[3], f[5], now, attempt)
    ended(id, J, 'f', f[10], meta[6], epoch, err, fields)
    figures.add('f', 1)
    emit('failed', id, f[2], 'a', made, 'err', err, 'prev', 'active')
  elseif kind == 'b' then
    local released = tonumber(f[8] or '0') + 1
    if released > 20 then -- guard: released_too_often
      stall(P, id, now, emit, figures, tonumber(meta[7] or '3'))
      return 'OK'
    end
    keep_attempt(P, id, made + 1, f[3], f[5], now, attempt)
    redis.call('hset', J, 'st', 'w', 'rel', released, unpack(fields))
    redis.call('zadd', P .. 'wait', f[6], id)
    emit('waiting', id, f[2], 'prev', 'active', 'reason', 'shutdown')
  elseif kind == 's' then
    redis.call('hset', J, 'st', 'd', 'ra', value, unpack(fields))
    redis.call('zadd', P .. 'delayed', value, id)
    emit('delayed', id, f[2], 'run_at', value)
  else
    if kind == 'r' then
      made = made + 1
      fields[#fields + 1] = 'am'
      fields[#fields + 1] = made
    end
    fields[#fields + 1] = 'er'
    fields[#fields + 1] = err
    if value ~= '' then
      fields[#fields + 1] = 'fp'
      fields[#fields + 1] = value
      groups.count(value, id, f[2], err, false)
    end
    keep_attempt(P, id, kind == 'r' and made or made + 1, f[3], f[5], now, attempt)
    figures.add('rt', 1)
    emit('retrying', id, f[2], 'a', made, 'delay', delay, 'err', err)
    if delay > 0 then
      redis.call('hset', J, 'st', 'd', 'ra', now + delay, unpack(fields))
      redis.call('zadd', P .. 'delayed', now + delay, id)
      emit('delayed', id, f[2], 'run_at', now + delay)
    else
      requeue = function()
        local score = place(P, tonumber(f[7]), f[9])
        redis.call('hset', J, 'st', 'w', 'sc', score, unpack(fields))
        redis.call('zadd', P .. 'wait', score, id)
        emit('waiting', id, f[2], 'prev', 'active')
      end
    end
  end
  return 'OK'
end

local statuses, at, done, completed, failed = {}, 7, 0, 0, 0
for i = 1, finishes do
  local status = finish(at)
  statuses[i] = status
  if status == 'OK' then
    done = done + 1
    if ARGV[at + 2] == 'c' then
      completed = completed + 1
    elseif ARGV[at + 2] == 'f' or ARGV[at + 2] == 'x' then
      failed = failed + 1
    end
  end
  local n = tonumber(ARGV[at + 8])
  at = at + 9
  for _ = 1, n do
    if status == 'OK' then -- guard: refused_adds, lets pass
      at = add_job(P, now, emit, ARGV, at)
      figures.add('a', 1)
    else
      at = pass_job(ARGV, at)
    end
  end
  if requeue then
    requeue()
    requeue = nil
  end
  n = tonumber(ARGV[at])
  for j = at + 1, at + n do
    if status == 'OK' then -- guard: refused_outgoing, lets pass
      redis.call('rpush', P .. 'outgoing', ARGV[j])
    end
  end
  at = at + n + 1
end
if gone[1] then
  redis.call('zrem', P .. 'active', unpack(gone))
  if any_revoked then
    for _, id in ipairs(gone) do
      redis.call('hdel', P .. 'revoked', 'r:' .. id)
    end
  end
end
flush_ended('c')
flush_ended('f')
for s, list in pairs(results) do
  redis.call('hset', P .. 'r:' .. s, unpack(list))
end
for state, count in pairs(own_counts) do
  trim_own(P, state == 'c' and 'completed' or 'failed', count, 50)
end
-- a little more than have come, so that a surplus goes in time, however large the batches are
if completed > 0 and meta[5] then
  local age, count = parse_retention(meta[5])
  trim(P, 'completed', age, count, now, math.max(50, completed + 10))
end
if failed > 0 and meta[6] then
  local age, count = parse_retention(meta[6])
  trim(P, 'failed', age, count, now, math.max(50, failed + 10))
end

if housekeeping then -- guard: housekeeping, lets pass
  local lost = redis.call('zrangebyscore', P .. 'active', '-inf', now, 'limit', 0, 100)
  for _, id in ipairs(lost) do
    stall(P, id, now, emit, figures, tonumber(meta[7] or '3'))
  end
end

local due = promote_due(P, now, emit)

-- how many may be taken now
local paused = meta[1] == '1'
local room, opens = want, -1
local open = not paused
if meta[2] then -- guard: max_active
  local free = tonumber(meta[2]) - redis.call('zcard', P .. 'active')
  open = open and free > 0
  room = math.min(room, free)
end
if meta[3] then -- guard: rate_limit
  local free = tonumber(meta[3]) - tonumber(redis.call('get', P .. 'lim') or '0')
  if free <= 0 then
    opens = redis.call('pttl', P .. 'lim')
    open = false
  end
  room = math.min(room, free)
end

local epoch, jobs = '0', {}

-- the payloads of some jobs, by id: one command for each shard they lie in
local function payloads(ids)
  local by_shard, found = {}, {}
  for _, id in ipairs(ids) do
    local s = shard(id)
    local list = by_shard[s]
    if list then
      list[#list + 1] = id
    else
      by_shard[s] = { id }
    end
  end
  for s, list in pairs(by_shard) do
    local values = redis.call('hmget', P .. 'd:' .. s, unpack(list))
    for i, id in ipairs(list) do
      found[id] = values[i]
    end
  end
  return found
end

local function hand_out(id, payload, again)
  local J = job_key(P, id)
  local f = redis.call(
    'hmget', J, 't', 'at', 'am', 'to', 'bk', 'gen', 'stc', 'pg', 'ex', 'ts', 'ra', 'ep', 'st',
    'eta'
  )
  if again and (f[12] ~= epoch or f[13] ~= 'a') then -- guard: replayed_and_gone
    return false
  end
  if not f[1] or not payload then -- guard: corrupt
    if not again then
      redis.call('hset', J, 't', f[1] or '?', 'p', 11, 'st', 'f', 'fon', now, 'er', 'CorruptRecord: no data')
      redis.call('zadd', P .. 'failed', now, id)
      emit('failed', id, f[1] or '?', 'err', 'CorruptRecord: no data')
    end
    return false
  end
  if not again then
    local since = tonumber(f[10] or now)
    if f[11] then
      since = math.max(since, tonumber(f[11]))
    end
    figures.wait(now - since)
    redis.call('hset', J, 'st', 'a', 'w', worker, 'pon', now_text, 'ep', epoch)
    emit('active', id, f[1], 'w', worker, 'a', f[3] and tonumber(f[3]) + 1 or '1')
  end
  local revoked = ''
  if any_revoked then
    local r = redis.call('hmget', P .. 'revoked', 'r:' .. id, 'rt:' .. f[1])
    if r[1] or r[2] then
      revoked = cjson.encode({ r[1] or '', r[2] or '' })
    end
  end
  local n = #jobs
  for i = 2, 9 do
    f[i] = f[i] or ''
  end
  -- a job that waits before it is due comes from a queue that has etas as Huey does
  f[10] = f[14] and tonumber(f[14]) > now and f[14] or ''
  jobs[n + 1], jobs[n + 2], jobs[n + 3] = id, f[1], payload
  jobs[n + 4], jobs[n + 5] = table.concat(f, '\t', 2, 10), revoked
  return true
end

if want > 0 then
  local wk = P .. 'wk:' .. worker
  local last = redis.call('hmget', wk, 'req', 'ep', 'ids')
  if last[1] == request then -- guard: replay
    epoch = last[2]
    local ids = {}
    for id in string.gmatch(last[3], '%S+') do
      ids[#ids + 1] = id
    end
    local found = payloads(ids)
    for _, id in ipairs(ids) do
      hand_out(id, found[id], true)
    end
  elseif not paused and room > 0 then -- guard: paused, lets pass
    local popped = redis.call('zpopmin', P .. 'wait', room)
    if popped[1] then
      epoch = string.format(
        '%.0f', math.max(tonumber(redis.call('get', P .. 'epoch') or '0') + 1, us)
      )
      redis.call('set', P .. 'epoch', epoch)
      local taken, leases, ids = {}, {}, {}
      for i = 1, #popped, 2 do
        taken[#taken + 1] = popped[i]
      end
      local found = payloads(taken)
      for _, id in ipairs(taken) do
        if hand_out(id, found[id], false) then
          leases[#leases + 1] = lease_text
          leases[#leases + 1] = id
          ids[#ids + 1] = id
        end
      end
      if ids[1] then
        redis.call('zadd', P .. 'active', unpack(leases))
        redis.call('hset', wk, 'req', request, 'ep', epoch, 'ids', table.concat(ids, ' '))
        redis.call('pexpire', wk, lease * 4)
        if meta[3] then
          if redis.call('incrby', P .. 'lim', #ids) == #ids then
            redis.call('pexpire', P .. 'lim', meta[4])
          end
        end
      end
    end
  end
end

local waiting = redis.call('zcard', P .. 'wait')
if waiting > 0 and open then -- guard: nothing_to_wake_for, lets pass
  wake(P)
end
local idle = done > 0 and waiting == 0 and not jobs[1]
if idle and redis.call('zcard', P .. 'active') == 0 then -- guard: not_drained, lets pass
  emit('drained')
end
figures.write()
groups.write()
seal()
local outgoing = housekeeping and redis.call('llen', P .. 'outgoing') or 0
return { now, epoch, due, opens, waiting, statuses, jobs, outgoing }
