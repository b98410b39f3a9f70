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

  -- most times of a batch are the same: which bucket they are of is found out once, in the end
  local function observe(times, ms)
    times[ms] = (times[ms] or 0) + 1
  end

  local function write_buckets(name, times, counted)
    local buckets = {}
    for ms, n in pairs(times) do
      local k = 0
      if ms >= 1 then
        local _, exponent = math.frexp(ms)
        k = math.min(exponent, 40)
      end
      buckets[k] = (buckets[k] or 0) + n
    end
    for k, n in pairs(buckets) do
      counted(name .. k, n)
    end
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
    write_buckets('r', runs, counted)
    write_buckets('w', waits, counted)
    counts, runs, waits = {}, {}, {}
  end

  return fig
end
