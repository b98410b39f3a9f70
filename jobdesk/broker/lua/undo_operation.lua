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
local emit = events(P)
local restored, others = {}, {}

local function field(record, name)
  local value
  for i = 1, #record, 2 do
    if record[i] == name then
      value = record[i + 1]
    end
  end
  return value
end

local function put_back(entry)
  local id, J = entry.i, job_key(P, entry.i)
  local kind = field(entry.r, 't')
  redis.call('hset', J, unpack(entry.r))
  if entry.v then
    redis.call('hset', result_key(P, id), id, entry.v)
  end
  if entry.x then
    redis.call('zadd', P .. 'expire', entry.x, id)
  end
  if entry.s == 'active' then
    redis.call('hset', J, 'st', 'w')
    redis.call('hdel', J, 'cx')
    redis.call('zadd', P .. 'wait', field(entry.r, 'sc'), id)
  else
    redis.call('zadd', P .. entry.s, entry.z, id)
  end
  if entry.s == 'active' or entry.s == 'wait' then
    emit('waiting', id, kind, 'prev', 'removed', 'reason', 'undo')
  elseif entry.s == 'delayed' then
    emit('delayed', id, kind, 'run_at', entry.z, 'reason', 'undo')
  else
    emit('restored', id, kind, 'state', entry.s)
  end
end

local function restore(entry)
  local id, J = entry.i, job_key(P, entry.i)
  local now = redis.call('hmget', J, 'st', 'gen', 'pon')
  if entry.h == 'retried' then -- guard: retried
    if now[1] ~= 'w' or tonumber(now[2]) ~= entry.g or now[3] then -- guard: taken
      return 'TAKEN'
    end
    redis.call('zrem', P .. 'wait', id)
    redis.call('unlink', J)
    put_back(entry)
    return nil
  end
  if now[1] then -- guard: exists_again
    return 'EXISTS'
  end
  redis.call('unlink', P .. 'tomb:' .. id)
  put_back(entry)
  if entry.d then
    redis.call('hset', payload_key(P, id), id, entry.d)
  end
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
return answered(P, request, { 'OK', told[1], n - last, restored, others })
