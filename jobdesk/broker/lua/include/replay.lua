-- Answering a command that is sent again because its answer was lost.
--
--   replayed(P, request)         what the same request was answered before, or nil
--   answered(P, request, answer) keeps the answer for a minute, and returns it; not of request ''

local function replayed(P, request)
  local kept = redis.call('get', P .. 'op:' .. request)
  return kept and cjson.decode(kept) or nil
end

local function answered(P, request, answer)
  if request ~= '' then
    redis.call('set', P .. 'op:' .. request, cjson.encode(answer), 'EX', 60)
  end
  return answer
end
