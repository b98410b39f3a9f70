-- Counts of a script that are written once, with histograms: see include/counts.lua.
--
--   local fig = figures(P, now_ms)
--   fig.add(field, n)   as counting(), collected
--   fig.run(ms)         counts one run time in the histogram r<k>
--   fig.wait(ms)        counts one waiting time in the histogram w<k>
--   fig.write()         writes what was collected, once, at the end
--
-- Bucket k of a histogram holds 2^(k-1) <= ms < 2^k; bucket 0 what took under 1 ms.
-- include: counts

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
    local counted = counting(P, now)
    for field, n in pairs(counts) do
      counted(field, n)
    end
    for k, n in pairs(runs) do
      counted('r' .. k, n)
    end
    for k, n in pairs(waits) do
      counted('w' .. k, n)
    end
    counts, runs, waits = {}, {}, {}
  end

  return fig
end
