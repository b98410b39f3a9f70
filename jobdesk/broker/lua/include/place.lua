-- score_of(priority, lifo, n): the score in `wait` of the n-th job that has come.
-- score = priority * 2^44 + 2^43 + n, or - n for lifo, so that the newest lifo job runs first and
-- every other job in order of arrival. Exact in a double up to priority 11. No clock is used.
local function score_of(priority, lifo, n)
  if lifo then
    n = -n
  end
  return priority * 17592186044416 + 8796093022208 + n
end

-- place(P, priority, lifo): a new score for `wait`.
local function place(P, priority, lifo)
  return score_of(priority, lifo, redis.call('incr', P .. 'seq'))
end

-- wake(P): leave the one marker that workers block on.
local function wake(P)
  redis.call('zadd', P .. 'wake', '0', '1')
end
