-- The queue's event stream.
--
--   local emit, seal = events(P)
--   emit(name, id, type, 'field', 'value', ...)
--       one event, with at most three fields of its own; id and type are false for an event of the
--       whole queue
--   seal()
--       writes what was emitted: once, and nothing is emitted after it
--
-- Events that differ in nothing but their job, one after the other, are one entry of the stream: j
-- lists their ids, t their types where they differ, with spaces between; n is the number of the
-- last. Numbers count up by one, so that a reader sees a gap. The time is the entry's id.
--
-- The stream holds about the last 10,000 events. Entries differ in how many they hold, so every 500th
-- number is marked with its entry's id, and the stream cut at the last mark that is 10,000 away.

local TOGETHER = 32

local function events(P)
  local stream = P .. 'events'
  local entries, count, last = {}, 0, nil

  local function emit(name, id, kind, k1, v1, k2, v2, k3, v3)
    count = count + 1
    if
      last and id and last.n < TOGETHER and last.name == name and last.id
      and last.k1 == k1 and last.v1 == v1 and last.k2 == k2 and last.v2 == v2
      and last.k3 == k3 and last.v3 == v3
    then
      local n = last.n + 1
      last.n = n
      last.ids[n], last.kinds[n] = id, kind
      last.differ = last.differ or kind ~= last.kinds[1]
    else
      last = {
        name = name, id = id, n = 1, ids = { id }, kinds = { kind }, differ = false,
        k1 = k1, v1 = v1, k2 = k2, v2 = v2, k3 = k3, v3 = v3,
      }
      entries[#entries + 1] = last
    end
  end

  local function seal()
    if count == 0 then -- guard: no_events
      return
    end
    local n = redis.call('incrby', P .. 'evn', count) - count
    local at
    for i = 1, #entries do
      local e = entries[i]
      n = n + e.n
      local args = { 'e', e.name, 'n', n }
      if e.id then
        args[5], args[6] = 'j', table.concat(e.ids, ' ')
        args[7], args[8] = 't', e.differ and table.concat(e.kinds, ' ') or e.kinds[1] or ''
      end
      local m = #args
      if e.k1 then
        args[m + 1], args[m + 2] = e.k1, e.v1
      end
      if e.k2 then
        args[m + 3], args[m + 4] = e.k2, e.v2
      end
      if e.k3 then
        args[m + 5], args[m + 6] = e.k3, e.v3
      end
      at = redis.call('xadd', stream, '*', unpack(args))
    end
    if n % 500 < count then
      local marks = P .. 'evm'
      redis.call('zadd', marks, n, at)
      local old = redis.call('zrevrangebyscore', marks, n - 10000, '-inf', 'withscores', 'limit', 0, 1)
      if old[1] then
        redis.call('xtrim', stream, 'minid', '~', old[1])
        redis.call('zremrangebyscore', marks, '-inf', old[2])
      end
    end
  end

  return emit, seal
end
