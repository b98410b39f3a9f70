-- exchange_jobs: book what a worker has finished and hand it as much as it has room for.
-- KEYS[1]  the queue's prefix
-- ARGV     worker, request number, how many to take, lease ms, housekeeping ('1': reap stalled
--          jobs too);
--          number of groups of jobs that have completed and left nothing else to book: of each
--            epoch, type, number of its jobs, then id and result of each;
--          number of other ends, then of each
--            id, epoch, kind, value, error, attempt, delay_ms, progress, n continuations, each as
--            in include/add.lua, m outgoing entries, each a JSON text
--          kind: c completed · r to be retried, costs an attempt · n to be run again, costs none ·
--                f failed · x failed without having run · b broken off, given back at its old place ·
--                u given back before anybody has begun it · s not due yet, to be delayed
--          value: of c the result, of s when it is due (ms), of r, f and x the error's fingerprint ('' for none) ·
--          error: "Class: message", cut for the record · attempt: the rest of the attempt's JSON,
--          see include/attempts.lua
-- Returns  { now, epoch, next due or -1, ms until the rate limit opens or -1, jobs waiting,
--            a letter for each end: o(k), a(lready) or s(tale),
--            { id, spec, … }, { id, status as it was before, … where there was one },
--            { id, payload, … of those whose spec has none }, { id, revocations, … },
--            with housekeeping: how many entries wait in outgoing, 1 if the queue is paused }
-- Events   completed, retrying, delayed, waiting, failed, drained; active; stalled
-- Safe to send again: an end is known by its epoch, a take by worker and request number.
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
local lease, housekeeping = tonumber(ARGV[4]), ARGV[5] == '1'

-- a write that frees memory comes first, so that this runs on at maxmemory
redis.call('zrem', P .. 'active', '')
local us = now_us()
local now = math.floor(us / 1000)
-- a number is formatted anew by every command that takes it
local now_text, lease_text = string.format('%.0f', now), string.format('%.0f', now + lease)
local emit, seal, emit_each = events(P)
local figures = figures(P, now)
local groups = error_groups(P, now)
local meta = redis.call(
  'hmget', P .. 'meta', 'paused', 'max_active', 'limit_jobs', 'limit_ms', 'rc', 'rf',
  'max_stalled', 'own'
)
local _, kept_completed = parse_retention(meta[5])
local any_revoked = redis.call('exists', P .. 'revoked') == 1

-- what the ends below have in common goes into one command each
local gone, ended_at, own_counts = {}, { c = {}, f = {} }, {}
local SETS = { c = P .. 'completed', f = P .. 'failed' }

local function ended(id, job, own, default, text)
  local age, count = parse_retention(own or default)
  if count == 0 then -- guard: not_kept
    delete_job(P, id)
    bury(P, id, job.ep, job.st, text)
    return
  end
  job.fon, job.sc = now_text, nil
  write_status(P, id, job, job.st == 'c' and text)
  local members = ended_at[job.st]
  members[#members + 1] = now_text
  members[#members + 1] = id
  if own and age then
    redis.call('zadd', P .. 'expire', now + age, id)
  end
  if own and count then
    own_counts[job.st] = math.min(count, own_counts[job.st] or count)
  end
end

-- an end of a job that is not active under its epoch: booked before, or another's by now
local function late(id, epoch, last)
  if last == epoch then -- guard: booked
    return 'a'
  end
  local tomb = redis.call('get', P .. 'tomb:' .. id)
  local same = tomb and string.sub(tomb, 1, #epoch + 1) == epoch .. ' '
  if same and not string.find(tomb, '^%d+ r') then -- guard: booked_and_gone
    return 'a'
  end
  return 's'
end

local function complete(id, epoch, job, result)
  if not job or job.ep ~= epoch or job.st ~= 'a' then -- guard: fence_complete
    return late(id, epoch, job and job.ep)
  end
  gone[#gone + 1] = id
  figures.run(now - tonumber(job.pon or now))
  job.am, job.st = tonumber(job.am or '0') + 1, 'c'
  ended(id, job, job.rc, meta[5], result)
  emit('completed', id, job.t, 'a', job.am)
  return 'o'
end

-- Most jobs have run once, nothing else has happened to them, and they are kept as the queue keeps
-- them. The status of such a one is as hand_out wrote it: of all jobs of a take it begins in the same
-- way, and in the same way becomes another.
local plain, plain_ids, plain_kinds = {}, {}, {}

local function plain_run(epoch, status)
  local run = plain[epoch]
  if not run then
    local begins, found, ran, started =
      string.match(status, '^(a\t(%d+)\t(pon=(%d+)\tw=[^\t]*)\tsc=)%d+$')
    if found == epoch then
      run = {
        begins = begins, length = #begins, ms = now - started,
        ended = 'c\t' .. epoch .. '\tam=1\tfon=' .. now_text .. '\t' .. ran,
      }
      plain[epoch] = run
    end
  end
  local same = run and string.sub(status, 1, run.length) == run.begins
  return same and not string.find(status, '\t', run.length + 1, true) and run
end

local function complete_plainly(id, epoch, kind, result)
  local key = home(P, id)
  local run = plain_run(epoch, redis.call('hget', key, id .. ':') or '')
  if not run or meta[8] or kept_completed == 0 then -- guard: plain
    return complete(id, epoch, read_job(P, id), result)
  end
  redis.call('hset', key, id .. ':', with_result(P, id, run.ended, result))
  figures.run(run.ms)
  local n = #plain_ids + 1
  plain_ids[n], plain_kinds[n], gone[#gone + 1] = id, kind, id
  local members = ended_at.c
  n = #members
  members[n + 1], members[n + 2] = now_text, id
  return 'o'
end

-- a job that nobody has begun leaves its part of the rate limit, while that still counts it
local function unspend(job)
  local left = redis.call('pttl', P .. 'lim')
  if left > 0 and now + left - meta[4] <= tonumber(job.pon) then -- guard: same_window
    redis.call('decr', P .. 'lim')
  end
end

-- a retry's way back into the line: its error handler, added below, goes before it
local requeue

local function finish(at)
  local id, epoch, kind, value = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local err, attempt, delay = ARGV[at + 4], ARGV[at + 5], tonumber(ARGV[at + 6])
  local progress = ARGV[at + 7]
  local job = read_job(P, id)
  if kind == 'c' then -- guard: completed
    if progress ~= '' and job then
      job.pg = progress
    end
    return complete(id, epoch, job, value)
  end
  if not job or job.ep ~= epoch or job.st ~= 'a' then -- guard: fence
    return late(id, epoch, job and job.ep)
  end
  redis.call('zrem', P .. 'active', id)
  if job.cx and kind ~= 'f' and kind ~= 'x' then -- guard: cancelled
    -- an operator wanted it stopped, and its worker had not heard of it yet: it does not run again
    kind, err = kind == 'r' and 'f' or 'x', 'JobCancelled: cancelled by an operator'
    value = fingerprint(job.t, 'JobCancelled', 'cancelled by an operator')
    attempt = '"o":"failed","w":' .. cjson.encode(worker) .. ',"err":"' .. err .. '","tb":""}'
  end
  local made = tonumber(job.am or '0')
  if progress ~= '' then
    job.pg = progress
  end
  if kind ~= 'b' and kind ~= 'u' and kind ~= 's' then
    figures.run(now - tonumber(job.pon or now))
  end
  if kind == 'f' or kind == 'r' then
    made = made + 1
    job.am = made
  end

  if kind == 'f' or kind == 'x' then
    job.st, job.er = 'f', err
    if value ~= '' then
      job.fp = value
      groups.count(value, id, job.t, err, true)
    end
    keep_attempt(P, id, made, job.pon, job.gen, now, attempt)
    ended(id, job, job.rf, meta[6], err)
    figures.add('f', 1)
    emit('failed', id, job.t, 'a', made, 'err', err, 'prev', 'active')
  elseif kind == 'b' or kind == 'u' then
    if kind == 'b' then
      job.rel = tonumber(job.rel or '0') + 1
      if job.rel > 20 then -- guard: released_too_often
        stall(P, id, now, emit, figures, tonumber(meta[7] or '3'))
        return 'o'
      end
      keep_attempt(P, id, made + 1, job.pon, job.gen, now, attempt)
    elseif meta[3] then
      unspend(job)
    end
    redis.call('zadd', P .. 'wait', job.sc, id)
    job.st, job.sc = 'w', nil
    write_status(P, id, job)
    emit('waiting', id, job.t, 'prev', 'active', 'reason', kind == 'b' and 'shutdown' or 'unbegun')
  elseif kind == 's' then
    job.st, job.ra, job.sc = 'd', value, nil
    write_status(P, id, job)
    redis.call('zadd', P .. 'delayed', value, id)
    emit('delayed', id, job.t, 'run_at', value)
  else
    job.er, job.sc = err, nil
    if value ~= '' then
      job.fp = value
      groups.count(value, id, job.t, err, false)
    end
    keep_attempt(P, id, kind == 'r' and made or made + 1, job.pon, job.gen, now, attempt)
    figures.add('rt', 1)
    emit('retrying', id, job.t, 'a', made, 'delay', delay, 'err', err)
    if delay > 0 then
      job.st, job.ra = 'd', now + delay
      write_status(P, id, job)
      redis.call('zadd', P .. 'delayed', job.ra, id)
      emit('delayed', id, job.t, 'run_at', job.ra)
    else
      requeue = function()
        job.st = 'w'
        write_status(P, id, job)
        redis.call('zadd', P .. 'wait', place(P, tonumber(job.p or '11'), job.li), id)
        emit('waiting', id, job.t, 'prev', 'active')
      end
    end
  end
  return 'o'
end

local statuses, at, completed = {}, 7, 0
for _ = 1, tonumber(ARGV[6]) do
  local epoch, kind, n = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  for _ = 1, n do
    local status = complete_plainly(ARGV[at], epoch, kind, ARGV[at + 1])
    statuses[#statuses + 1] = status
    if status == 'o' then
      completed = completed + 1
    end
    at = at + 2
  end
end
emit_each('completed', plain_ids, plain_kinds, 'a', 1)
local done, failed = completed, 0
local others = tonumber(ARGV[at])
at = at + 1
for _ = 1, others do
  local kind, status = ARGV[at + 2], finish(at)
  statuses[#statuses + 1] = status
  if status == 'o' then
    done = done + 1
    if kind == 'c' then
      completed = completed + 1
    elseif kind == 'f' or kind == 'x' then
      failed = failed + 1
    end
  end
  local n = tonumber(ARGV[at + 8])
  at = at + 9
  for _ = 1, n do
    if status == 'o' then -- guard: refused_adds, lets pass
      at = add_job(P, now, emit, ARGV, at)
      figures.add('a', 1)
    else
      at = pass_job(at)
    end
  end
  if requeue then
    requeue()
    requeue = nil
  end
  n = tonumber(ARGV[at])
  for j = at + 1, at + n do
    if status == 'o' then -- guard: refused_outgoing, lets pass
      redis.call('rpush', P .. 'outgoing', ARGV[j])
    end
  end
  at = at + n + 1
end
if completed > 0 then
  figures.add('c', completed)
end
if gone[1] then
  redis.call('zrem', P .. 'active', unpack(gone))
  if any_revoked then
    for _, id in ipairs(gone) do
      redis.call('hdel', P .. 'revoked', 'r:' .. id)
    end
  end
end
for state, members in pairs(ended_at) do
  if members[1] then
    redis.call('zadd', SETS[state], unpack(members))
  end
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

local epoch, jobs, told, beside, revocations = '0', {}, {}, {}, {}
local fresh_ids, fresh_kinds = {}, {}
-- the status of a job's first run, up to its place in the line
local first_run

-- puts a job into the answer; score: its place in the line, nil when it was handed out before
local function hand_out(id, score)
  local key, again = home(P, id), not score
  local raw = redis.call('hmget', key, id, id .. ':')
  local spec, status = raw[1], raw[2]
  if again and not string.find(status or '', '^a\t' .. epoch .. '\t') then -- guard: replayed_and_gone
    return false
  end
  local added, kind = string.match(spec or '', '^(%d+)\t([^\t\n]+)')
  local inline = spec and string.find(spec, '\n', 1, true)
  local payload = added and not inline and redis.call('hget', aside(P, id), id)
  if not added or not (inline or payload) then -- guard: corrupt
    if not again then
      redis.call('hsetnx', key, id, now_text .. '\t?')
      local job = read_job(P, id)
      job.st, job.fon, job.er = 'f', now_text, 'CorruptRecord: no data'
      write_status(P, id, job)
      redis.call('zadd', P .. 'failed', now, id)
      emit('failed', id, kind or '?', 'err', job.er)
    end
    return false
  end
  if again then
    -- it is as its worker was told before
  elseif status then
    local job = job_of(spec, status)
    figures.wait(now - math.max(tonumber(added), tonumber(job.ra or '0')))
    job.st, job.ep, job.pon, job.w, job.sc = 'a', epoch, now_text, worker, score
    write_status(P, id, job)
    emit('active', id, kind, 'w', worker, 'a', tonumber(job.am or '0') + 1)
  else
    figures.wait(now - added)
    redis.call('hset', key, id .. ':', first_run .. score)
    local n = #fresh_ids + 1
    fresh_ids[n], fresh_kinds[n] = id, kind
  end
  if any_revoked then
    local r = redis.call('hmget', P .. 'revoked', 'r:' .. id, 'rt:' .. kind)
    if r[1] or r[2] then
      revocations[#revocations + 1] = id
      revocations[#revocations + 1] = cjson.encode({ r[1] or '', r[2] or '' })
    end
  end
  local n = #jobs
  jobs[n + 1], jobs[n + 2] = id, spec
  if status then
    told[#told + 1] = id
    told[#told + 1] = status
  end
  if not inline then
    beside[#beside + 1] = id
    beside[#beside + 1] = payload
  end
  return true
end

if want > 0 then
  local wk = P .. 'wk:' .. worker
  local last = redis.call('hmget', wk, 'req', 'ep', 'ids')
  if last[1] == request then -- guard: replay
    epoch = last[2]
    for id in string.gmatch(last[3], '%S+') do
      hand_out(id)
    end
  elseif not paused and room > 0 then -- guard: paused, lets pass
    local popped = redis.call('zpopmin', P .. 'wait', room)
    if popped[1] then
      epoch = string.format(
        '%.0f', math.max(tonumber(redis.call('get', P .. 'epoch') or '0') + 1, us)
      )
      redis.call('set', P .. 'epoch', epoch)
      first_run = 'a\t' .. epoch .. '\tpon=' .. now_text .. '\tw=' .. worker .. '\tsc='
      local leases, ids = {}, {}
      for i = 1, #popped, 2 do
        local id = popped[i]
        if hand_out(id, popped[i + 1]) then
          local n = #ids + 1
          ids[n] = id
          leases[2 * n - 1], leases[2 * n] = lease_text, id
        end
      end
      emit_each('active', fresh_ids, fresh_kinds, 'w', worker, 'a', 1)
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
return {
  now, epoch, due, opens, waiting, table.concat(statuses), jobs, told, beside, revocations,
  outgoing, paused and 1 or 0,
}
