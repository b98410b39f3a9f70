-- Undoes an operator's command, up to 100 jobs per call: a removed job is there again as it was,
-- at its old place (one that ran waits), and a retried one has failed again. Not where a job of
-- that id has been added since, nor where a retried one has been taken, or is gone.
-- KEYS[1] queue prefix
-- ARGV    operation, limit (at most 100), request (the same when sent again)
-- Returns {'OK', action, entries left, ids restored, {id, EXISTS | TAKEN, ...} of the others}
--         | {'NOTFOUND'}
-- Events  waiting (prev, reason), delayed (run_at, reason) or restored (state), one per job
-- include: time
-- include: record
-- include: events
-- include: place
-- include: replay
local P = KEYS[1]
local operation, limit, request = ARGV[1], math.min(tonumber(ARGV[2]), 100), ARGV[3]
redis.call('zrem', P .. 'wait', '')
local before = replayed(P, request)
if before then -- guard: replay
  return before
end

local key = P .. 'trash:' .. operation
local told = redis.call('hmget', key, 'action', 'n', 'next')
if not told[1] then -- guard: exists
  return { 'NOTFOUND' }
end
local emit, seal = events(P)
local restored, others = {}, {}

local function put_back(entry)
  local id = entry.i
  local key = home(P, id)
  if entry.r then
    redis.call('hset', key, id .. ':', entry.r)
  else
    redis.call('hdel', key, id .. ':')
  end
  if entry.v then
    redis.call('hset', aside(P, id), id .. ':', entry.v)
  end
  if entry.x then
    redis.call('zadd', P .. 'expire', entry.x, id)
  end
  local job = read_job(P, id)
  if entry.s == 'active' then
    redis.call('zadd', P .. 'wait', job.sc, id)
    job.st, job.cx, job.sc = 'w', nil, nil
    write_status(P, id, job)
  else
    redis.call('zadd', P .. entry.s, entry.z, id)
  end
  if entry.s == 'active' or entry.s == 'wait' then
    emit('waiting', id, job.t, 'prev', 'removed', 'reason', 'undo')
  elseif entry.s == 'delayed' then
    emit('delayed', id, job.t, 'run_at', entry.z, 'reason', 'undo')
  else
    emit('restored', id, job.t, 'state', entry.s)
  end
end

local function restore(entry)
  local id = entry.i
  local job = read_job(P, id)
  if entry.h == 'retried' then -- guard: retried
    if not job or job.st ~= 'w' or tonumber(job.gen or '0') ~= entry.g or job.pon then -- guard: taken
      return 'TAKEN'
    end
    redis.call('zrem', P .. 'wait', id)
    put_back(entry)
    return nil
  end
  if job then -- guard: exists_again
    return 'EXISTS'
  end
  redis.call('unlink', P .. 'tomb:' .. id)
  redis.call('hset', home(P, id), id, entry.p)
  if entry.d then
    redis.call('hset', aside(P, id), id, entry.d)
  end
  put_back(entry)
  for name, list in pairs({ ['a:'] = entry.a, ['log:'] = entry.l }) do
    for start = 1, #list, 100 do
      redis.call('rpush', P .. name .. id, unpack(list, start, math.min(start + 99, #list)))
    end
  end
  return nil
end

local n, at = tonumber(told[2]), tonumber(told[3])
local last = math.min(n, at + limit - 1)
local numbers = {}
for number = at, last do
  numbers[#numbers + 1] = number
end
if numbers[1] then
  local packed = redis.call('hmget', key, unpack(numbers))
  redis.call('hdel', key, unpack(numbers))
  redis.call('hset', key, 'next', last + 1)
  for _, text in ipairs(packed) do
    local entry = cmsgpack.unpack(text)
    local why = restore(entry)
    if why then
      others[#others + 1] = entry.i
      others[#others + 1] = why
    else
      restored[#restored + 1] = entry.i
    end
  end
end
if restored[1] then
  -- also for what is delayed: whoever waits learns when it is due
  wake(P)
end
if last >= n then
  redis.call('unlink', key)
  redis.call('zrem', P .. 'trash', operation)
end
seal()
return answered(P, request, { 'OK', told[1], n - last, restored, others })
