-- Where a job's record is, and what is kept beside it.
--
--   job_key(P, id)            key of the record
--   shard(id)                 which part of the sharded hashes holds it, as in keys.py: the 8th
--                             character of our own ids, which changes every 62 ms, so that jobs
--                             added together lie together; else the last; '~' outside ASCII
--   payload_key(P, id)        hash that holds the payload under the field id
--   result_key(P, id)         hash that holds the result under the field id

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
