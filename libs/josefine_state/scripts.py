"""What has to happen in one piece, as Lua that Redis runs: https://redis.io/docs/latest/develop/programmability/eval-intro

A session of a stage is one hash: a field a version, and `epoch`, that of the last process that wrote it, or read what
was there. Each script touches one key, so that a Redis Cluster can run it. A process of an earlier epoch gets REFUSED.
"""

from typing import Final

EPOCH: Final = "epoch"
REFUSED: Final = 0

_ADMIT: Final = """
local epoch = tonumber(ARGV[1])
local held = tonumber(redis.call('HGET', KEYS[1], 'epoch') or ARGV[1])
if epoch < held then return 0 end
"""

CLAIM: Final = f"""
if ARGV[3] == '1' then redis.call('DEL', KEYS[1]) end
{_ADMIT}
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
"""KEYS: the stage's hash. ARGV: epoch, seconds to live, 1 where the epochs have just begun."""

LOAD: Final = f"""{_ADMIT}
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'epoch', ARGV[1]) end
return redis.call('HGETALL', KEYS[1])
"""
"""KEYS: a session's hash. ARGV: epoch. Returns fields and values in turn."""

SAVE: Final = f"""{_ADMIT}
local others = 0
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if field ~= 'epoch' and tonumber(field) < tonumber(ARGV[4]) then
    redis.call('HDEL', KEYS[1], field)
  elseif field ~= 'epoch' and field ~= ARGV[2] then
    others = others + 1
  end
end
-- A hash that has held a large value stays a table when that is gone. Made anew it takes what its fields need.
if others == 0 then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""
"""KEYS: a session's hash. ARGV: epoch, version, packed snapshot, oldest version to keep, seconds to live."""
