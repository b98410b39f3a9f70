-- Figures per minute (kept 24 h and a little) and per hour (8 days and a little).
--
--   count(P, now_ms, counts)
--       adds each field's number: a(dded) c(ompleted) f(ailed) rt (retried) st (stalled)

local function count(P, now, counts)
  local minute = P .. string.format('stat:m%.0f', math.floor(now / 60000))
  local hour = P .. string.format('stat:h%.0f', math.floor(now / 3600000))
  local new_minute, new_hour = false, false
  for field, n in pairs(counts) do
    if n ~= 0 then
      -- a field that was not there may mean a key that was not there
      new_minute = redis.call('hincrby', minute, field, n) == n or new_minute
      new_hour = redis.call('hincrby', hour, field, n) == n or new_hour
    end
  end
  if new_minute then
    redis.call('expire', minute, 90000)
  end
  if new_hour then
    redis.call('expire', hour, 694800)
  end
end
