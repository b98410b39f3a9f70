-- Replaces a job's data. Not while it runs: its worker has read the data already.
-- Begins with no freeing write, so that it is refused when Redis is full.
-- KEYS[1] queue prefix
-- ARGV    id, payload
-- Returns {'OK', state} | {'NOTFOUND'} | {'LOCKED', worker, lease ms}
-- Events  none
-- include: time
-- include: record
local P = KEYS[1]
local id, payload = ARGV[1], ARGV[2]

local raw = redis.call('hmget', home(P, id), id, id .. ':')
local job = job_of(raw[1], raw[2])
if not job then -- guard: exists
  return { 'NOTFOUND' }
end
local st = job.st
local lease = st == 'a' and (tonumber(redis.call('zscore', P .. 'active', id)) or 0) - now_ms()
if st == 'a' then -- guard: active
  return { 'LOCKED', job.w or '', math.max(0, lease) }
end
keep_spec(P, id, string.match(raw[1], '^[^\n]*'), payload)
return { 'OK', st }
