-- The queue's event stream.
--
--   local emit, batch = events(P)
--   emit(name, id, type, 'field', 'value', ...)
--       appends one event; id and type are left out when false (an event of the whole queue).
--       Its number n counts up by one, so that a reader sees a gap. The time is the entry's id.
--   local seal = batch()
--       optional, before the first emit: numbers are counted here and written once, by seal(), which
--       must be the last thing the script does with events
--
-- The stream holds about the last 10,000 events: it is trimmed when a hundred have come.

local function events(P)
  local stream, counter = P .. 'events', P .. 'evn'
  local n, batching = 0, false

  local function trim_events()
    redis.call('xtrim', stream, 'MAXLEN', '~', '10000')
  end

  local function batch()
    local before = tonumber(redis.call('get', counter) or '0')
    n, batching = before, true
    return function()
      if n > before then
        redis.call('set', counter, n)
        if n % 100 < n - before then
          trim_events()
        end
      end
    end
  end

  local function emit(name, id, kind, ...)
    if batching then
      n = n + 1
    else
      n = redis.call('incr', counter)
      if n % 100 == 0 then
        trim_events()
      end
    end
    if id then
      redis.call('xadd', stream, '*', 'e', name, 'n', n, 'j', id, 't', kind or '', ...)
    else
      redis.call('xadd', stream, '*', 'e', name, 'n', n, ...)
    end
  end

  return emit, batch
end
