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

local record = redis.call('hmget', job_key(P, id), 'st', 'w')
local st = record[1]
if not st then -- guard: exists
  return { 'NOTFOUND' }
end
local lease = st == 'a' and (tonumber(redis.call('zscore', P .. 'active', id)) or 0) - now_ms()
if st == 'a' then -- guard: active
  return { 'LOCKED', record[2] or '', math.max(0, lease) }
end
redis.call('hset', payload_key(P, id), id, payload)
return { 'OK', st }
