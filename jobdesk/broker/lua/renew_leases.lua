-- renew_leases: extend the leases of the jobs that a worker has in hand.
-- KEYS[1]  the queue's prefix
-- ARGV     lease ms, then id and epoch of each job (at most 100)
-- Returns  for each job: OK, CANCEL (an operator wants it stopped; the lease is extended too), or
--          STALE (it is another's by now, or gone)
-- Events   none
-- include: time
-- include: record
local P = KEYS[1]
local lease = tonumber(ARGV[1])
redis.call('zrem', P .. 'active', '')
local until_ms = now_ms() + lease
local answer = {}
for i = 2, #ARGV, 2 do
  local id, epoch = ARGV[i], ARGV[i + 1]
  local status = runs(P, id, epoch)
  if not status then -- guard: fence
    answer[#answer + 1] = 'STALE'
  else
    redis.call('zadd', P .. 'active', 'XX', until_ms, id)
    answer[#answer + 1] = string.find(status, '\tcx=', 1, true) and 'CANCEL' or 'OK'
  end
end
return answer
