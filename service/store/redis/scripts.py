"""The Lua scripts. Each sees to its own bounds, and does the same when it is run twice.

Traces: `traces:index` has ids by number, `traces:ages` by time, `traces:of:<owner>:<model>` those
of one owner (and model), `traces:about` what dropping one takes, `trace:<id>` the trace itself.
Sessions: `sessions:used` has ids by last use, `sessions:sizes` their bytes, `session:<id>` the
session and `session:<id>:pieces` its pieces. `traces:bytes` and `sessions:bytes` are the sums.
"""

PREFIX = "{ntm}:"
SWEPT_AT_ONCE = 1000  # Redis does nothing else meanwhile

TRACES = f"""
local P = '{PREFIX}'
local function drop(id)
  local about = redis.call('HGET', P..'traces:about', id)
  if not about then return 0 end
  local size, owner, model = string.match(about, '^(%d+) ([^ ]*) (.*)$')
  redis.call('DEL', P..'trace:'..id)
  redis.call('HDEL', P..'traces:about', id)
  redis.call('ZREM', P..'traces:index', id)
  redis.call('ZREM', P..'traces:ages', id)
  if not size then return 1 end
  redis.call('ZREM', P..'traces:of:'..owner..':', id)
  redis.call('ZREM', P..'traces:of:'..owner..':'..model, id)
  redis.call('DECRBY', P..'traces:bytes', size)
  return 1
end
local function sweep(gone)
  local old = redis.call('ZRANGEBYSCORE', P..'traces:ages', '-inf', gone,
                         'LIMIT', 0, {SWEPT_AT_ONCE})
  for _, id in ipairs(old) do drop(id) end
end
"""

# gone, id, owner, size, max bytes, milliseconds to live, then the fields of the trace
PUT_TRACE = f"""{TRACES}
local id, owner, size = ARGV[2], ARGV[3], ARGV[4]
if redis.call('EXISTS', P..'trace:'..id) == 1 then return 0 end
sweep(ARGV[1])
redis.call('HSET', P..'trace:'..id, 'owner', owner, unpack(ARGV, 7))
redis.call('PEXPIRE', P..'trace:'..id, ARGV[6])
local model, created = unpack(redis.call('HMGET', P..'trace:'..id, 'model', 'created_at'))
local number = redis.call('INCR', P..'traces:number')
redis.call('HSET', P..'trace:'..id, 'number', number)
redis.call('HSET', P..'traces:about', id, size..' '..owner..' '..model)
redis.call('ZADD', P..'traces:index', number, id)
redis.call('ZADD', P..'traces:ages', created, id)
redis.call('ZADD', P..'traces:of:'..owner..':', number, id)
redis.call('ZADD', P..'traces:of:'..owner..':'..model, number, id)
local held = redis.call('INCRBY', P..'traces:bytes', size)
while held > tonumber(ARGV[5]) do
  local oldest = redis.call('ZRANGE', P..'traces:index', 0, 0)[1]
  if not oldest then break end
  drop(oldest)
  held = tonumber(redis.call('GET', P..'traces:bytes'))
end
return 1
"""

# gone, id, owner, then the names of fields; false where it is not there
GET_TRACE = f"""{TRACES}
local told = redis.call('HMGET', P..'trace:'..ARGV[2], 'owner', 'created_at', unpack(ARGV, 4))
if told[1] ~= ARGV[3] or tonumber(told[2]) <= tonumber(ARGV[1]) then return false end
return told
"""

# gone, id, owner
DELETE_TRACE = f"""{TRACES}
if redis.call('HGET', P..'trace:'..ARGV[2], 'owner') ~= ARGV[3] then return 0 end
return drop(ARGV[2])
"""

# gone, owner, model or nothing, the number before which to begin, how many, then names of fields
PAGE_OF_TRACES = f"""{TRACES}
local index, before, wanted = P..'traces:of:'..ARGV[2]..':'..ARGV[3], ARGV[4], tonumber(ARGV[5])
local found = {{}}
while #found < wanted do
  local ids = redis.call('ZREVRANGEBYSCORE', index, '('..before, '-inf', 'LIMIT', 0, wanted)
  if #ids == 0 then break end
  for _, id in ipairs(ids) do
    before = redis.call('ZSCORE', index, id)
    local told = redis.pcall('HMGET', P..'trace:'..id, 'created_at', unpack(ARGV, 6))
    local created = told.err and math.huge or tonumber(told[1] or '-inf') or math.huge
    if created > tonumber(ARGV[1]) and #found < wanted then
      if told.err then told = {{}} end
      told[1], told[2] = id, before
      found[#found + 1] = told
    end
  end
end
return found
"""

# gone
USAGE_OF_TRACES = f"""{TRACES}
sweep(ARGV[1])
return {{redis.call('ZCARD', P..'traces:index'),
         tonumber(redis.call('GET', P..'traces:bytes') or '0')}}
"""

SESSIONS = f"""
local P = '{PREFIX}'
local function drop(id)
  local size = redis.call('HGET', P..'sessions:sizes', id)
  if not size then return 0 end
  redis.call('DEL', P..'session:'..id, P..'session:'..id..':pieces')
  redis.call('HDEL', P..'sessions:sizes', id)
  redis.call('ZREM', P..'sessions:used', id)
  redis.call('DECRBY', P..'sessions:bytes', size)
  return 1
end
local function sweep(gone)
  local old = redis.call('ZRANGEBYSCORE', P..'sessions:used', '-inf', gone,
                         'LIMIT', 0, {SWEPT_AT_ONCE})
  for _, id in ipairs(old) do drop(id) end
end
local function held()
  return tonumber(redis.call('GET', P..'sessions:bytes') or '0')
end
local function mine(id, owner, gone)
  local told = redis.call('HMGET', P..'session:'..id, 'owner', 'used_at')
  return told[1] == owner and tonumber(told[2]) > tonumber(gone)
end
"""

# gone, id, owner, size, most sessions, most bytes, milliseconds to live, used_at, then the fields
OPEN_SESSION = f"""{SESSIONS}
local id, size = ARGV[2], tonumber(ARGV[4])
if redis.call('EXISTS', P..'session:'..id) == 1 then return {{'opened', 0}} end
sweep(ARGV[1])
local count = redis.call('ZCARD', P..'sessions:used')
if count >= tonumber(ARGV[5]) then return {{'many', count}} end
if held() + size > tonumber(ARGV[6]) then return {{'large', held() + size}} end
redis.call('HSET', P..'session:'..id, 'owner', ARGV[3], 'used_at', ARGV[8], 'position', 0,
           unpack(ARGV, 9))
redis.call('PEXPIRE', P..'session:'..id, ARGV[7])
redis.call('HSET', P..'sessions:sizes', id, size)
redis.call('ZADD', P..'sessions:used', ARGV[8], id)
redis.call('INCRBY', P..'sessions:bytes', size)
return {{'opened', 0}}
"""

# gone, id, owner, then the names of fields; false where it is not there. The last piece comes last.
GET_SESSION = f"""{SESSIONS}
if not mine(ARGV[2], ARGV[3], ARGV[1]) then return false end
local told = redis.call('HMGET', P..'session:'..ARGV[2], 'last_position', unpack(ARGV, 4))
local last = told[1]
told[1] = last
told[#told + 1] = last and redis.call('HGET', P..'session:'..ARGV[2]..':pieces', last)
return told
"""

# gone, id, owner, size, token, most bytes, milliseconds to live, used_at, position, next position,
# state, piece. The token tells a second run of one call from another call's.
ADVANCE_SESSION = f"""{SESSIONS}
local id, size = ARGV[2], tonumber(ARGV[4])
local key, pieces = P..'session:'..id, P..'session:'..id..':pieces'
local told = redis.call('HMGET', key, 'owner', 'position', 'token', 'before')
if told[1] ~= ARGV[3] then return {{'unknown', 0}} end
if told[3] == ARGV[5] then return {{'advanced', 0}} end
if told[2] ~= ARGV[9] then return {{'behind', 0}} end
if not told[4] then size = size + string.len(ARGV[11]) end
if held() + size > tonumber(ARGV[6]) then
  redis.call('ZADD', P..'sessions:used', ARGV[8], id)
  sweep(ARGV[1])
  if held() + size > tonumber(ARGV[6]) then return {{'large', held() + size}} end
end
local state = redis.call('HGET', key, 'state')
if state then redis.call('HSET', key, 'before', state) end
redis.call('HSET', key, 'state', ARGV[11], 'last_position', ARGV[9], 'position', ARGV[10],
           'used_at', ARGV[8], 'token', ARGV[5])
redis.call('HSET', pieces, ARGV[9], ARGV[12])
redis.call('PEXPIRE', key, ARGV[7])
redis.call('PEXPIRE', pieces, ARGV[7])
redis.call('HINCRBY', P..'sessions:sizes', id, size)
redis.call('ZADD', P..'sessions:used', ARGV[8], id)
redis.call('INCRBY', P..'sessions:bytes', size)
return {{'advanced', 0}}
"""

# gone, id, owner
DELETE_SESSION = f"""{SESSIONS}
if not mine(ARGV[2], ARGV[3], ARGV[1]) then return 0 end
return drop(ARGV[2])
"""

# gone, id, owner, then the names of fields; the pieces come last as positions and pieces in turn
PIECES_OF_SESSION = f"""{SESSIONS}
if not mine(ARGV[2], ARGV[3], ARGV[1]) then return false end
local told = redis.call('HMGET', P..'session:'..ARGV[2], unpack(ARGV, 4))
told[#ARGV - 2] = redis.call('HGETALL', P..'session:'..ARGV[2]..':pieces')
return told
"""

# gone
USAGE_OF_SESSIONS = f"""{SESSIONS}
sweep(ARGV[1])
return {{redis.call('ZCARD', P..'sessions:used'), held()}}
"""
