-- Deletes a paused queue, up to 250 jobs per call, then its own keys. Its epoch is kept: a worker
-- that wakes up later must not hold the newest lease of a job added since. What is named by
-- others (locks, values, counters, figures) is left to the caller.
-- KEYS[1] queue prefix
-- ARGV    limit (at most 250), force ('1' or ''), request (the same when sent again)
-- Returns {'OK', removed, 1 when done} | {'NOTPAUSED'} | {'ACTIVE', n}
-- Events  cleaned (state, count), until the stream itself is deleted
-- include: record
-- include: deletion
-- include: events
-- include: replay
local P = KEYS[1]
local limit, force = math.min(tonumber(ARGV[1]), 250), ARGV[2] == '1'
local request = ARGV[3] or ''
redis.call('zrem', P .. 'wait', '')
local known = replayed(P, request)
if known then -- guard: replay
  return known
end

if redis.call('hget', P .. 'meta', 'paused') ~= '1' then -- guard: paused
  return { 'NOTPAUSED' }
end
local running = redis.call('zcard', P .. 'active')
if running > 0 and not force then -- guard: active
  return { 'ACTIVE', running }
end

local emit, seal = events(P)
local removed = 0
for _, set in ipairs({ 'active', 'wait', 'delayed', 'completed', 'failed' }) do
  if removed < limit then
    local found = redis.call('zrange', P .. set, 0, limit - removed - 1)
    if #found > 0 then
      redis.call('zrem', P .. set, unpack(found))
      delete_jobs(P, found)
      emit('cleaned', false, false, 'state', set == 'wait' and 'waiting' or set, 'count', #found)
      removed = removed + #found
    end
  end
end
seal()
if removed >= limit then -- guard: more_left
  return answered(P, request, { 'OK', removed, 0 })
end

local keys = {}
for _, name in ipairs({
  'expire', 'wake', 'events', 'evm', 'meta', 'seq', 'evn', 'lim', 'revoked', 'outgoing', 'sched',
  'types', 'audit', 'groups', 'group', 'trash',
}) do
  keys[#keys + 1] = P .. name
end
for code = 33, 126 do
  keys[#keys + 1] = P .. 'j:' .. string.char(code)
  keys[#keys + 1] = P .. 'd:' .. string.char(code)
end
redis.call('unlink', unpack(keys))
return answered(P, request, { 'OK', removed, 1 })
