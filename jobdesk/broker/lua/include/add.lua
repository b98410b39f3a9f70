-- Jobs that are added. One is: id, payload, type, priority, delay_ms, run_at_ms, lifo ('1' or '0'),
-- n, then n further fields of the record and their values.
--
--   local at, what, state, told = add_job(P, now, emit, ARGV, at, before, batch)
--       adds the one job that starts at ARGV[at]. Returns the index after it, 'ADDED' or 'DUP', the
--       letter of its state, and what was told of it. With that as `before`, the next job is but id
--       and payload, and in all else as this one. Events: waiting, or delayed; duplicated when the
--       id is there already, and then nothing is written.
--   local at = pass_job(ARGV, at)
--       the index after a job that is not added
--
-- With a batch, { n = most jobs to come, members = {}, payloads = {} }, the caller writes what they
-- have in common, in one command each: members are of `wait`, payloads lie by their shard.

local function pass_job(args, at)
  return at + 8 + 2 * tonumber(args[at + 7])
end

-- what was told of a job: the fields of its record, of which the last is still to come
local function told_of(now, args, at, after)
  local run_at = tonumber(args[at + 5])
  if run_at == 0 then
    run_at = now + tonumber(args[at + 4])
  end
  local waits = run_at <= now
  local fields = {
    'st', waits and 'w' or 'd', 't', args[at + 2], 'p', args[at + 3],
    'ts', string.format('%.0f', now),
  }
  local told = { fields = fields }
  for i = at + 8, after - 1, 2 do
    if args[i] == 'rc' or args[i] == 'rf' then
      told.own = true
    end
    fields[#fields + 1] = args[i]
    fields[#fields + 1] = args[i + 1]
  end
  if args[at + 6] == '1' then
    told.lifo = true
    fields[#fields + 1] = 'li'
    fields[#fields + 1] = '1'
  end
  if not waits then
    told.run_at = run_at
  end
  fields[#fields + 1] = waits and 'sc' or 'ra'
  told.last = #fields + 1
  return told
end

local function add_job(P, now, emit, args, at, before, batch)
  local id, J = args[at], job_key(P, args[at])
  local after = before and at + 2 or pass_job(args, at)
  local told = before or told_of(now, args, at, after)
  local fields = told.fields
  local kind = fields[4]
  local there = redis.call('hget', J, 'st')
  if there then -- guard: duplicate
    emit('duplicated', id, kind)
    return after, 'DUP', there, told
  end
  if told.own then
    -- from now on trimming looks at every job's own wish
    redis.call('hset', P .. 'meta', 'own', '1')
    told.own = nil
  end
  if told.run_at then
    fields[told.last] = told.run_at
    redis.call('hset', J, unpack(fields))
    redis.call('zadd', P .. 'delayed', told.run_at, id)
    emit('delayed', id, kind, 'run_at', told.run_at)
  else
    local priority, score = tonumber(fields[6]), nil
    if batch then
      batch.place = (batch.place or redis.call('incrby', P .. 'seq', batch.n) - batch.n) + 1
      score = score_of(priority, told.lifo, batch.place)
    else
      score = place(P, priority, told.lifo)
    end
    score = string.format('%.0f', score)
    fields[told.last] = score
    redis.call('hset', J, unpack(fields))
    if batch then
      batch.members[#batch.members + 1] = score
      batch.members[#batch.members + 1] = id
    else
      redis.call('zadd', P .. 'wait', score, id)
    end
    emit('waiting', id, kind)
  end
  if batch then
    local s = shard(id)
    local list = batch.payloads[s] or {}
    batch.payloads[s] = list
    list[#list + 1] = id
    list[#list + 1] = args[at + 1]
  else
    redis.call('hset', payload_key(P, id), id, args[at + 1])
  end
  return after, 'ADDED', fields[2], told
end
