-- add_job(P, now, emit, ARGV, at): add the one job that starts at ARGV[at].
-- Read from there: id, type, payload, priority, delay_ms, run_at_ms, lifo ('1' or '0'), n, then n
-- further fields of the record and their values.
-- Returns the index after the job, 'ADDED' or 'DUP', and the state's letter.
-- Events: waiting, or delayed; duplicated when the id is there already, and then nothing is written.
local function add_job(P, now, emit, args, at)
  local id, kind, payload = args[at], args[at + 1], args[at + 2]
  local priority, lifo = tonumber(args[at + 3]), args[at + 6] == '1'
  local n = tonumber(args[at + 7])
  local after = at + 8 + 2 * n
  local J = job_key(P, id)
  local there = redis.call('hget', J, 'st')
  if there then -- guard: duplicate
    emit('duplicated', id, kind)
    return after, 'DUP', there
  end
  local run_at = tonumber(args[at + 5])
  if run_at == 0 then
    run_at = now + tonumber(args[at + 4])
  end
  local fields = { 't', kind, 'p', priority, 'ts', now }
  for i = at + 8, after - 1, 2 do
    if args[i] == 'rc' or args[i] == 'rf' then
      -- from now on trimming looks at every job's own wish
      redis.call('hset', P .. 'meta', 'own', '1')
    end
    fields[#fields + 1] = args[i]
    fields[#fields + 1] = args[i + 1]
  end
  if lifo then
    fields[#fields + 1] = 'li'
    fields[#fields + 1] = '1'
  end
  local state
  if run_at > now then
    state = 'd'
    fields[#fields + 1] = 'ra'
    fields[#fields + 1] = run_at
    redis.call('hset', J, 'st', state, unpack(fields))
    redis.call('zadd', P .. 'delayed', run_at, id)
    emit('delayed', id, kind, 'run_at', run_at)
  else
    state = 'w'
    local score = place(P, priority, lifo)
    redis.call('hset', J, 'st', state, 'sc', score, unpack(fields))
    redis.call('zadd', P .. 'wait', score, id)
    emit('waiting', id, kind)
  end
  redis.call('hset', P .. 'd:' .. shard(id), id, payload)
  return after, 'ADDED', state
end
