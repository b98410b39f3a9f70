-- add_jobs: add one job or a few hundred; a job whose id is there already is left as it is.
-- KEYS[1]  the queue's prefix
-- ARGV     a '0' or '1' for each job: whether it is as the one before in all but id and payload;
--          then the jobs, as in include/add.lua
-- Returns  a letter for each job: of its state, a capital where it was there already
-- Events   waiting, delayed or duplicated
-- Denied at maxmemory (its first write needs memory), and then nothing is written.
-- include: time
-- include: record
-- include: events
-- include: counts
-- include: place
-- include: add
local P = KEYS[1]
local likeness = ARGV[1]
local n = #likeness
local now = now_ms()
local emit, seal = events(P)
local batch, before
if n > 1 then
  batch = { n = n, members = {} }
end
local letters, at, added = {}, 2, 0
for i = 1, n do
  local new, state
  if string.byte(likeness, i) == 48 then
    before = nil
  end
  at, new, state, before = add_job(P, now, emit, ARGV, at, before, batch)
  letters[i] = new and state or string.upper(state)
  if new then
    added = added + 1
  end
end
if batch and batch.members[1] then
  redis.call('zadd', P .. 'wait', unpack(batch.members))
end
if added > 0 then
  -- also for a delayed job: whoever waits learns from its next take when the job is due
  wake(P)
  counting(P, now)('a', added)
end
seal()
return table.concat(letters)
