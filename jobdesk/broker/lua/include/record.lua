-- A job's record, and all that is kept beside it.
--
--   job_key(P, id)            key of the record
--   shard(id)                 which part of the sharded hashes holds it, as in keys.py: the 8th
--                             character of our own ids, which changes every 62 ms, so that jobs
--                             added together lie together; else the last; '~' outside ASCII
--   payload_key(P, id)        hash that holds the payload under the field id
--   result_key(P, id)         hash that holds the result under the field id
--   delete_jobs(P, ids)       deletes records, payloads, results, attempts, logs and expiry of a
--                             list of jobs (at most 250); the caller removes them from their
--                             state's set first
--   delete_job(P, id)         the same for one
--   bury(P, id, ep, st, text) leaves a tombstone for five minutes: "<epoch> <letter> <text>",
--                             letter c (text: result, JSON), f (text: "Class: message") or
--                             r (removed by an operator; no text)

local function job_key(P, id)
  return P .. 'j:' .. id
end

local function shard(id)
  local c = #id == 22 and string.byte(id, 8) or string.byte(id, -1)
  if not c or c > 127 then -- guard: not_ascii
    return '~'
  end
  return string.char(c)
end

local function payload_key(P, id)
  return P .. 'd:' .. shard(id)
end

local function result_key(P, id)
  return P .. 'r:' .. shard(id)
end

local function delete_jobs(P, ids)
  if #ids == 0 then -- guard: none
    return
  end
  local keys, by_shard = {}, {}
  for i = 1, #ids do
    local id = ids[i]
    keys[#keys + 1] = P .. 'j:' .. id
    keys[#keys + 1] = P .. 'a:' .. id
    keys[#keys + 1] = P .. 'log:' .. id
    local s = shard(id)
    local list = by_shard[s]
    if not list then
      list = {}
      by_shard[s] = list
    end
    list[#list + 1] = id
  end
  redis.call('zrem', P .. 'expire', unpack(ids))
  redis.call('unlink', unpack(keys))
  for s, list in pairs(by_shard) do
    redis.call('hdel', P .. 'd:' .. s, unpack(list))
    redis.call('hdel', P .. 'r:' .. s, unpack(list))
  end
end

local function delete_job(P, id)
  delete_jobs(P, { id })
end

local function bury(P, id, ep, st, text)
  redis.call('set', P .. 'tomb:' .. id, ep .. ' ' .. st .. ' ' .. (text or ''), 'EX', 300)
end
