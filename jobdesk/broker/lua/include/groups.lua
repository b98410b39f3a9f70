-- Failures, counted by fingerprint: the newest 200 groups, each kept for 8 days after its last.
--
--   local groups = error_groups(P, now_ms)
--   groups.count(fp, id, type, err, final)  one failure; final when the job will not be tried again
--   groups.write()                          writes what was collected, once, at the end
--   fingerprint(type, class, text) -> fp    for errors of the scripts' own, by the rule of
--                                           engine/fingerprint.py: digits in text stand as #
--
-- zset `groups`: fp -> last failure, ms. Hash `group`: fp -> JSON: n(umber of failures), f(inal
-- ones), s(ince, ms), t(ype), e(rror), ids (the last 3).

local function fingerprint(kind, class, text)
  return string.sub(redis.sha1hex(kind .. '\n' .. class .. '\n' .. text), 1, 16)
end

local function error_groups(P, now)
  local index, table_ = P .. 'groups', P .. 'group'
  local found = {}
  local groups = {}

  function groups.count(fp, id, kind, err, final)
    local one = found[fp]
    if not one then
      one = { n = 0, f = 0, ids = {} }
      found[fp] = one
    end
    one.n = one.n + 1
    one.f = one.f + (final and 1 or 0)
    one.t, one.e = kind or '', err
    one.ids[#one.ids + 1] = id
  end

  local function forget(old)
    if old[1] then
      redis.call('zrem', index, unpack(old))
      redis.call('hdel', table_, unpack(old))
    end
  end

  function groups.write()
    local new, any = false, false
    for fp, one in pairs(found) do
      any = true
      local kept = redis.call('hget', table_, fp)
      local before = kept and cjson.decode(kept) or { n = 0, f = 0, s = now, ids = {} }
      new = new or not kept
      local ids, seen = {}, {}
      local function sample(id)
        if #ids < 3 and not seen[id] then
          seen[id] = true
          ids[#ids + 1] = id
        end
      end
      for i = #one.ids, math.max(1, #one.ids - 20), -1 do
        sample(one.ids[i])
      end
      for _, id in ipairs(before.ids) do
        sample(id)
      end
      redis.call(
        'hset', table_, fp,
        cjson.encode({
          n = before.n + one.n, f = before.f + one.f, s = before.s, t = one.t, e = one.e, ids = ids,
        })
      )
      redis.call('zadd', index, now, fp)
    end
    if new then
      forget(redis.call('zrangebyscore', index, '-inf', now - 691200000, 'limit', 0, 100))
      forget(redis.call('zrange', index, 0, -201))
    end
    if any then
      redis.call('expire', index, 691200)
      redis.call('expire', table_, 691200)
    end
    found = {}
  end

  return groups
end
