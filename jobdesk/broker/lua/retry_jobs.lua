-- Puts up to 100 failed jobs back in the line, those that failed first before the others.
-- KEYS[1] queue prefix
-- ARGV    limit, until ('' at first, then what the last call returned: a job that fails again
--         meanwhile is not retried again)
-- Returns {'OK', retried, still to do, until, ids}
-- Events  waiting (prev), one per job
-- include: time
-- include: record
-- include: events
-- include: place
-- include: revival
local P = KEYS[1]
local limit, before = math.min(tonumber(ARGV[1]), 100), ARGV[2]
redis.call('zrem', P .. 'wait', '')

if before == '' then
  before = now_ms()
end
local emit = events(P)
local found = redis.call('zrangebyscore', P .. 'failed', '-inf', before, 'LIMIT', 0, limit)
local ids = {}
for i = 1, #found do
  if revive(P, found[i], emit) then
    ids[#ids + 1] = found[i]
  end
end
if #ids > 0 then
  wake(P)
end
local left = redis.call('zcount', P .. 'failed', '-inf', before)
return { 'OK', #ids, left, before, ids }
