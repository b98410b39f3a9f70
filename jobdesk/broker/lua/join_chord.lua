-- join_chord: note the result of one member of a chord; the last one in gets all of them.
-- KEYS[1]  the prefix of the queue in which the chord is kept
-- ARGV     chord id, member index, size, result (JSON)
-- Returns  { members in }, and, when all are in, their results in order of index
-- Events   none
-- A member that runs twice is counted once: its index is the key. The caller adds the callback
-- under the id it has had since the chord was made, so that adding it twice is harmless.
local P = KEYS[1]
local chord, index, size = P .. 'chord:' .. ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('zrem', P .. 'wait', '')
redis.call('hsetnx', chord, index, ARGV[4])
redis.call('pexpire', chord, 86400000)
local there = redis.call('hlen', chord)
local answer = { there }
if there >= size then
  for i = 0, size - 1 do
    answer[#answer + 1] = redis.call('hget', chord, tostring(i)) or ''
  end
end
return answer
