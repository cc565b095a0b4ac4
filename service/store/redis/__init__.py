"""Traces and sessions in Redis, shared by any number of machines.

Whatever changes more than one key is one Lua script, so that all of it is there or nothing. All
keys have one hash tag. What has been answered survives a kill of Redis as far as its own
`appendonly` and `appendfsync` go.
"""

from service.store.redis.link import Link
from service.store.redis.sessions import RedisSessions
from service.store.redis.traces import RedisTraces

__all__ = ["Link", "RedisSessions", "RedisTraces"]
