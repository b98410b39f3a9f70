-- The queue's event stream.
--
--   local emit, reserve = events(P)
--   emit(name, id, type, 'field', 'value', ...)
--       appends one event; id and type are left out when false (an event of the whole queue).
--       Its number n counts up by one, so that a reader sees a gap. The time is the entry's id.
--   reserve(k)
--       optional, for batches: draws the next k numbers in one call. Exactly k emits (or more)
--       must follow in this script, since an unused number would look like a lost event.
--
-- The stream holds about the last 10,000 events.

local function events(P)
  local stream, counter = P .. 'events', P .. 'evn'
  local n, last = 0, 0

  local function reserve(k)
    if k > 0 and n == last then
      last = redis.call('incrby', counter, k)
      n = last - k
    end
  end

  local function emit(name, id, kind, ...)
    if n == last then
      reserve(1)
    end
    n = n + 1
    if id then
      redis.call('xadd', stream, 'MAXLEN', '~', 10000, '*',
        'e', name, 'n', n, 'j', id, 't', kind or '', ...)
    else
      redis.call('xadd', stream, 'MAXLEN', '~', 10000, '*', 'e', name, 'n', n, ...)
    end
  end

  return emit, reserve
end
