-- Figures per minute (kept 24 h and a little) and per hour (8 days and a little).
--
--   count(P, now_ms, counts)
--       adds each field's number: a(dded) c(ompleted) f(ailed) rt (retried) st (stalled)
--   local fig = figures(P, now_ms)
--   fig.add(field, n)   the same, collected
--   fig.run(ms)         counts one run time in the histogram r<k>
--   fig.wait(ms)        counts one waiting time in the histogram w<k>
--   fig.write()         writes what was collected, once, at the end
--
-- Bucket k of a histogram holds 2^(k-1) <= ms < 2^k; bucket 0 what took under 1 ms.

local function count(P, now, counts)
  local minute = P .. string.format('stat:m%.0f', math.floor(now / 60000))
  local hour = P .. string.format('stat:h%.0f', math.floor(now / 3600000))
  local new_minute, new_hour = false, false
  for field, n in pairs(counts) do
    if n ~= 0 then
      -- a field that was not there may mean a key that was not there
      new_minute = redis.call('hincrby', minute, field, n) == n or new_minute
      new_hour = redis.call('hincrby', hour, field, n) == n or new_hour
    end
  end
  if new_minute then
    redis.call('expire', minute, 90000)
  end
  if new_hour then
    redis.call('expire', hour, 694800)
  end
end

local function figures(P, now)
  local counts, runs, waits = {}, {}, {}
  local fig = {}

  local function observe(buckets, ms)
    local k = 0
    if ms >= 1 then
      local _, exponent = math.frexp(ms)
      k = math.min(exponent, 40)
    end
    buckets[k] = (buckets[k] or 0) + 1
  end

  function fig.add(field, n)
    counts[field] = (counts[field] or 0) + n
  end

  function fig.run(ms)
    observe(runs, ms)
  end

  function fig.wait(ms)
    observe(waits, ms)
  end

  function fig.write()
    for k, n in pairs(runs) do
      counts['r' .. k] = n
    end
    for k, n in pairs(waits) do
      counts['w' .. k] = n
    end
    count(P, now, counts)
    counts, runs, waits = {}, {}, {}
  end

  return fig
end
