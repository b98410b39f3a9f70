-- A job's record: its spec, which is what was added, and its status, which is what has become of it.
--
-- Both lie in the hash j:<shard>, the spec under the job's id and the status under `<id>:` (no id has
-- a colon). They are text, so that each is read and written in one command, and a worker gets them as
-- they are. The names of the fields are in keys.py.
--
--   spec    <added, ms> TAB <type> { TAB <field>=<value> } NEWLINE <payload>
--   status  <letter of the state> TAB <epoch> { TAB <field>=<value> } [ NEWLINE <result> ]
--           none while a job waits for its first run and nothing else has happened to it
--
-- A payload or a result of over 1,024 bytes lies in d:<shard>, under the same name as the text that
-- it is missing from, and then there is no NEWLINE.
--
-- A field of the status counts before the spec's; an empty one takes the spec's away.
--
--   shard(id)                  which part of the sharded hashes holds a job, as in keys.py: the 8th
--                              character of our own ids, which changes every 62 ms, so that jobs
--                              added together lie together; else the last; '~' outside ASCII
--   home(P, id)                the hash of the record
--   aside(P, id)               the hash of what is too large for the record
--   read_job(P, id)            the fields of both as one table, or nil where there is no job; a
--                              field that is set there is one of the status
--   job_of(spec, status)       the same from their texts
--   write_status(P, id, job, result)  writes the status of such a table; a result only of a
--                              job that has completed
--   runs(P, id, epoch)         the status of a job that is active under this epoch, else nil or false
--   keep_spec(P, id, head, payload)  writes the spec: head is its first line

local INLINE = 1024

local function shard(id)
  local c = #id == 22 and string.byte(id, 8) or string.byte(id, -1)
  if not c or c > 127 then -- guard: not_ascii
    return '~'
  end
  return string.char(c)
end

local function home(P, id)
  return P .. 'j:' .. shard(id)
end

local function aside(P, id)
  return P .. 'd:' .. shard(id)
end

local function read_fields(text, into)
  for name, value in string.gmatch(text, '([^\t=]+)=([^\t]*)') do
    into[name] = value
  end
end

local function job_of(spec, status)
  if not spec then -- guard: no_spec
    return nil
  end
  local added, job = {}, { st = 'w', ep = '0' }
  local more
  added.ts, added.t, more = string.match(spec, '^([^\t]*)\t([^\t\n]*)([^\n]*)')
  read_fields(more or '', added)
  if status then
    job.st, job.ep, more = string.match(status, '^(%a)\t(%d+)([^\n]*)')
    read_fields(more or '', job)
  end
  return setmetatable(job, { __index = added })
end

local function read_job(P, id)
  local raw = redis.call('hmget', home(P, id), id, id .. ':')
  return job_of(raw[1], raw[2])
end

local function with_result(P, id, status, result)
  if result == '' then -- guard: no_result
    return status
  end
  if #result <= INLINE then -- guard: inline
    return status .. '\n' .. result
  end
  redis.call('hset', aside(P, id), id .. ':', result)
  return status
end

local function write_status(P, id, job, result)
  local parts = { job.st, job.ep }
  for name, value in pairs(job) do
    if name ~= 'st' and name ~= 'ep' then
      if type(value) == 'number' then
        value = string.format('%.0f', value)
      end
      parts[#parts + 1] = name .. '=' .. string.gsub(value, '[\t\n]', ' ')
    end
  end
  local status = with_result(P, id, table.concat(parts, '\t'), result or '')
  redis.call('hset', home(P, id), id .. ':', status)
end

local function runs(P, id, epoch)
  local status = redis.call('hget', home(P, id), id .. ':')
  return status and string.sub(status, 1, #epoch + 3) == 'a\t' .. epoch .. '\t' and status
end

local function keep_spec(P, id, head, payload)
  if #payload <= INLINE then
    redis.call('hset', home(P, id), id, head .. '\n' .. payload)
    redis.call('hdel', aside(P, id), id)
  else
    redis.call('hset', home(P, id), id, head)
    redis.call('hset', aside(P, id), id, payload)
  end
end
