-- What an operator's command took away, kept for 15 minutes so that it can be undone.
--
--   local bin = open_trash(P, operation, action, who, now_ms)
--       operation '' keeps nothing. Nor is anything kept while Redis uses over 80 % of its
--       maxmemory.
--   bin.removed(set, ids)  before these jobs of a state's set are deleted: all that is kept of them
--   bin.retried(id)        before a failed job is revived: what that takes from it
--   bin.close() -> 1 when all that the operation changed so far can be undone, else 0
--
-- An operation is kept whole or not at all: over 1,000 jobs, or 4 MiB, what was kept of it is
-- dropped. Its hash has action, who, at, n, bytes and next (the number of the entry to be undone
-- next), and its entries under their numbers, packed by cmsgpack:
--   i(d), h(ow: removed, retried), s(et), z(score), x(expires, ms), p(spec), r(status),
--   d(ata) and v(alue, a result) where they are too large for those, a(ttempts), l(og),
--   g(eneration after a retry)

-- include: record

local function open_trash(P, operation, action, who, now)
  local key, index = P .. 'trash:' .. operation, P .. 'trash'
  local bin, pending = {}, {}
  local open, n, bytes = operation ~= '', 0, 0
  if open then
    local before = redis.call('hmget', key, 'n', 'bytes')
    if before[1] then
      n, bytes = tonumber(before[1]), tonumber(before[2])
    else
      -- an error, where the user may not ask, is a table
      local info = redis.pcall('info', 'memory')
      info = type(info) == 'string' and info or ''
      local used = tonumber(string.match(info, 'used_memory:(%d+)') or 0)
      local most = tonumber(string.match(info, '%smaxmemory:(%d+)') or 0)
      open = most == 0 or used <= 0.8 * most
    end
  end

  local function keep(entry)
    local packed = cmsgpack.pack(entry)
    n, bytes = n + 1, bytes + #packed
    if n > 1000 or bytes > 4194304 then -- guard: too_much
      open, pending = false, {}
      redis.call('unlink', key)
      redis.call('zrem', index, operation)
      return
    end
    pending[#pending + 1] = n
    pending[#pending + 1] = packed
  end

  function bin.removed(set, ids)
    if open and n + #ids > 1000 then
      n = n + #ids
      keep({})
    end
    for _, id in ipairs(ids) do
      if open then
        local raw = redis.call('hmget', home(P, id), id, id .. ':')
        if raw[1] then -- guard: no_record, lets pass
          keep({
            i = id, h = 'removed', s = set, z = redis.call('zscore', P .. set, id),
            x = redis.call('zscore', P .. 'expire', id), p = raw[1], r = raw[2],
            d = redis.call('hget', aside(P, id), id),
            v = redis.call('hget', aside(P, id), id .. ':'),
            a = redis.call('lrange', P .. 'a:' .. id, 0, -1),
            l = redis.call('lrange', P .. 'log:' .. id, 0, -1),
          })
        end
      end
    end
  end

  function bin.retried(id)
    if open then
      local job = read_job(P, id)
      keep({
        i = id, h = 'retried', s = 'failed', z = redis.call('zscore', P .. 'failed', id),
        x = redis.call('zscore', P .. 'expire', id),
        r = redis.call('hget', home(P, id), id .. ':'),
        g = tonumber(job and job.gen or '0') + 1,
      })
    end
  end

  function bin.close()
    if not open then -- guard: dropped
      return 0
    end
    if pending[1] then
      for start = 1, #pending, 200 do
        redis.call('hset', key, unpack(pending, start, math.min(start + 199, #pending)))
      end
      redis.call('hset', key, 'action', action, 'who', who, 'n', n, 'bytes', bytes)
      redis.call('hsetnx', key, 'at', now)
      redis.call('hsetnx', key, 'next', 1)
      redis.call('expire', key, 900)
      redis.call('zadd', index, now, operation)
      redis.call('expire', index, 900)
      -- a list of what is long gone is of no use, and many small ones add up
      redis.call('zremrangebyscore', index, '-inf', now - 900000)
      for _, old in ipairs(redis.call('zrange', index, 0, -101)) do
        redis.call('unlink', P .. 'trash:' .. old)
        redis.call('zrem', index, old)
      end
    end
    return 1
  end

  return bin
end
