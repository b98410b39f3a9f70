-- The clock of every script: the Redis server's, never a client's.
--
--   now_ms()  milliseconds since 1970
--   now_us()  microseconds since 1970 (exact in a double until the year 2255)

local function now_us()
  local t = redis.call('time')
  return t[1] * 1000000 + t[2]
end

local function now_ms()
  return math.floor(now_us() / 1000)
end
