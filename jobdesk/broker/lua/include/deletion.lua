-- The end of a job's record, and of all that is kept beside it.
--
--   delete_jobs(P, ids)       deletes records, payloads, results, attempts, logs and expiry of a
--                             list of jobs (at most 250); the caller removes them from their
--                             state's set first
--   delete_job(P, id)         the same for one
--   bury(P, id, ep, st, text) leaves a tombstone for five minutes: "<epoch> <letter> <text>",
--                             letter c (text: result, JSON), f (text: "Class: message") or
--                             r (removed by an operator; no text)
-- include: record

local function delete_jobs(P, ids)
  if #ids == 0 then -- guard: none
    return
  end
  local beside, by_shard = {}, {}
  for i = 1, #ids do
    local id = ids[i]
    beside[2 * i - 1] = P .. 'a:' .. id
    beside[2 * i] = P .. 'log:' .. id
    local s = shard(id)
    local list = by_shard[s]
    if not list then
      list = {}
      by_shard[s] = list
    end
    local n = #list
    list[n + 1], list[n + 2] = id, id .. ':'
  end
  redis.call('zrem', P .. 'expire', unpack(ids))
  redis.call('unlink', unpack(beside))
  for s, list in pairs(by_shard) do
    redis.call('hdel', P .. 'j:' .. s, unpack(list))
    redis.call('hdel', P .. 'd:' .. s, unpack(list))
  end
end

local function delete_job(P, id)
  delete_jobs(P, { id })
end

local function bury(P, id, ep, st, text)
  redis.call('set', P .. 'tomb:' .. id, ep .. ' ' .. st .. ' ' .. (text or ''), 'EX', 300)
end
