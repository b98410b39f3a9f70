-- Jobs that are added. One is: id, payload, spec (its type and fields, as include/record.lua has
-- them), priority, delay_ms, run_at_ms, lifo ('1' or '0').
--
--   local at, new, state, told = add_job(P, now, emit, ARGV, at, before, batch)
--       adds the one job that starts at ARGV[at]. Returns the index after it, whether it is new, the
--       letter of its state, and what was told of it. With that as `before`, the next job is but id
--       and payload, and in all else as this one. Events: waiting, or delayed; duplicated when the
--       id is there already, and then nothing is written.
--   local at = pass_job(at)
--       the index after a job that is not added
--
-- With a batch, { n = most jobs to come, members = {} }, the caller puts the members into `wait`.

local function pass_job(at)
  return at + 7
end

local function told_of(P, now, args, at)
  local run_at = tonumber(args[at + 5])
  if run_at == 0 then
    run_at = now + tonumber(args[at + 4])
  end
  local spec = args[at + 2]
  if string.find(spec, '\tr[cf]=') then
    -- from now on trimming looks at every job's own wish
    redis.call('hset', P .. 'meta', 'own', '1')
  end
  return {
    head = string.format('%.0f\t', now) .. spec,
    kind = string.match(spec, '^[^\t]*'),
    priority = tonumber(args[at + 3]),
    lifo = args[at + 6] == '1',
    run_at = run_at > now and run_at,
  }
end

local function add_job(P, now, emit, args, at, before, batch)
  local id, payload = args[at], args[at + 1]
  local after = before and at + 2 or pass_job(at)
  local told = before or told_of(P, now, args, at)
  local kind, key = told.kind, home(P, id)
  local spec = #payload <= INLINE and told.head .. '\n' .. payload or told.head
  local new = redis.call('hsetnx', key, id, spec)
  if new == 0 then -- guard: duplicate
    emit('duplicated', id, kind)
    local status = redis.call('hget', key, id .. ':')
    return after, false, status and string.sub(status, 1, 1) or 'w', told
  end
  if #payload > INLINE then
    redis.call('hset', aside(P, id), id, payload)
  end
  if told.run_at then
    local run_at = string.format('%.0f', told.run_at)
    redis.call('hset', key, id .. ':', 'd\t0\tra=' .. run_at)
    redis.call('zadd', P .. 'delayed', run_at, id)
    emit('delayed', id, kind, 'run_at', run_at)
  else
    if batch then
      batch.place = (batch.place or redis.call('incrby', P .. 'seq', batch.n) - batch.n) + 1
      local m = #batch.members
      batch.members[m + 1] = score_of(told.priority, told.lifo, batch.place)
      batch.members[m + 2] = id
    else
      redis.call('zadd', P .. 'wait', place(P, told.priority, told.lifo), id)
    end
    emit('waiting', id, kind)
  end
  return after, true, told.run_at and 'd' or 'w', told
end
