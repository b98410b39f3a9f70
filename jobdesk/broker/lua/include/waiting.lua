-- Places in the waiting line, and the marker that wakes a worker.
--
--   next_score(P, priority, lifo)  draws a place: priority * 2^44 + 2^43 + seq, with lifo - seq
--   wake(P)                        sets the marker on which idle workers block

local function next_score(P, priority, lifo)
  local seq = redis.call('incr', P .. 'seq')
  if lifo then
    seq = -seq
  end
  return priority * 17592186044416 + 8796093022208 + seq
end

local function wake(P)
  redis.call('zadd', P .. 'wake', 0, 'w')
end
