-- Figures per minute (kept 24 h and a little) and per hour (8 days and a little).
--
--   local counted = counting(P, now_ms)
--   counted(field, n)
--       adds to one number: a(dded) c(ompleted) f(ailed) rt (retried) st (stalled)

local function counting(P, now)
  local minutes = math.floor(now / 60000)
  local minute, hour = P .. 'stat:m' .. minutes, P .. 'stat:h' .. math.floor(minutes / 60)
  return function(field, n)
    -- a field that was not there may mean a key that was not there
    if redis.call('hincrby', minute, field, n) == n then
      redis.call('expire', minute, 90000)
    end
    if redis.call('hincrby', hour, field, n) == n then
      redis.call('expire', hour, 694800)
    end
  end
end
