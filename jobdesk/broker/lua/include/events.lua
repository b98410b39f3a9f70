-- The queue's event stream.
--
--   local emit, seal, emit_each = events(P)
--   emit(name, id, type, 'field', 'value', ...)
--       one event, with at most three fields of its own; id and type are false for an event of the
--       whole queue
--   emit_each(name, ids, types, 'field', 'value', 'field', 'value')
--       the same event of several jobs, at most two fields of its own
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
  local entries, made, count, last = {}, 0, 0, nil

  -- an entry is what XADD is told of it; where it is of several jobs, it says of how many
  local function emit(name, id, kind, k1, v1, k2, v2, k3, v3)
    count = count + 1
    if
      last and id and last[6] and last[2] == name and (last.jobs or 1) < TOGETHER
      and last[9] == k1 and last[10] == v1 and last[11] == k2 and last[12] == v2
      and last[13] == k3 and last[14] == v3
    then
      local n = last.jobs
      if not n then
        n = 1
        last.ids, last.kinds = { last[6] }, { last[8] }
      end
      n = n + 1
      last.jobs, last.ids[n], last.kinds[n] = n, id, kind
      last.differ = last.differ or kind ~= last[8]
    else
      last = { 'e', name, 'n', false, 'j', id, 't', kind or '', k1, v1, k2, v2, k3, v3 }
      made = made + 1
      entries[made] = last
    end
  end

  local function emit_each(name, ids, kinds, k1, v1, k2, v2)
    for from = 1, #ids, TOGETHER do
      local to, kind, differ = math.min(from + TOGETHER - 1, #ids), kinds[from], false
      for i = from + 1, to do
        differ = differ or kinds[i] ~= kind
      end
      made = made + 1
      entries[made] = {
        'e', name, 'n', false, 'j', table.concat(ids, ' ', from, to),
        't', differ and table.concat(kinds, ' ', from, to) or kind, k1, v1, k2, v2,
        jobs = to - from + 1,
      }
      count, last = count + to - from + 1, nil
    end
  end

  local function seal()
    if count == 0 then -- guard: no_events
      return
    end
    local n = redis.call('incrby', P .. 'evn', count) - count
    local at
    for i = 1, made do
      local e = entries[i]
      n = n + (e.jobs or 1)
      e[4] = n
      if e.ids then
        e[6] = table.concat(e.ids, ' ')
        e[8] = e.differ and table.concat(e.kinds, ' ') or e[8]
      end
      local m = e[13] and 14 or e[11] and 12 or e[9] and 10 or 8
      if e[6] then
        at = redis.call('xadd', stream, '*', unpack(e, 1, m))
      else
        at = redis.call('xadd', stream, '*', e[1], e[2], e[3], n, unpack(e, 9, m))
      end
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

  return emit, seal, emit_each
end
