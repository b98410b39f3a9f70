-- Removes jobs of one state that are older than a grace: ended ones by when they ended, waiting
-- and delayed ones by when they were added. Looks at no more than 250 jobs per call.
-- KEYS[1] queue prefix
-- ARGV    state (waiting, delayed, completed, failed), grace ms, limit (at most 250, 100
--         where an undo is kept), cursor ('' at first, then what the last call returned),
--         operation ('' keeps nothing for an undo), its action, who, request (the same when sent
--         again)
-- Returns {'OK', 1 when done, cursor, ids removed, 1 when all can be undone}
-- Events  cleaned (state, count), when something was removed
-- include: time
-- include: record
-- include: deletion
-- include: events
-- include: replay
-- include: trash
local P = KEYS[1]
local state, grace, limit, cursor = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local operation, action, who = ARGV[5] or '', ARGV[6], ARGV[7]
local request = ARGV[8] or ''
redis.call('zrem', P .. 'wait', '')
local known = replayed(P, request)
if known then -- guard: replay
  return known
end

limit = math.min(limit, operation == '' and 250 or 100)
local set = P .. (state == 'waiting' and 'wait' or state)
local now = now_ms()
local before = now - grace
local bin = open_trash(P, operation, action, who, now)
local gone, done = {}, false
if state == 'waiting' or state == 'delayed' then
  -- neither set is ordered by age: the cursor is the place of the last job looked at and kept
  local start, score, id = 0, string.match(cursor, '^(%S+) (.*)$')
  if score then
    local rank = redis.call('zrank', set, id)
    start = rank and rank + 1 or redis.call('zcount', set, '-inf', '(' .. score)
  end
  local found = redis.call('zrange', set, start, start + 249, 'WITHSCORES')
  for i = 1, #found, 2 do
    if #gone == limit then -- guard: limit
      break
    end
    local spec = redis.call('hget', home(P, found[i]), found[i])
    local added = tonumber(string.match(spec or '', '^%d+'))
    if not added or added <= before then -- guard: too_new, lets pass
      gone[#gone + 1] = found[i]
    else
      cursor = found[i + 1] .. ' ' .. found[i]
    end
  end
  done = #found < 500 and #gone < limit
else
  gone = redis.call('zrangebyscore', set, '-inf', before, 'LIMIT', 0, limit)
  done = #gone < limit
end
if #gone > 0 then
  bin.removed(state == 'waiting' and 'wait' or state, gone)
  redis.call('zrem', set, unpack(gone))
  delete_jobs(P, gone)
  local emit, seal = events(P)
  emit('cleaned', false, false, 'state', state, 'count', #gone)
  seal()
end
return answered(P, request, { 'OK', done and 1 or 0, cursor, gone, bin.close() })
