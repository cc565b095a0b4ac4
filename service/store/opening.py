"""Which store a setting means, and a refusal where it cannot be had."""

import importlib.util
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from service.settings import Settings
from service.store.damage import Damage
from service.store.database import Database
from service.store.incoming import Incoming
from service.store.protocol import Sessions, Traces
from service.store.sessions import SessionStore
from service.store.traces import TraceStore


class StoreRefused(Exception):
    """The store that was asked for cannot be had; the message says what is missing."""


@dataclass(frozen=True)
class Store:
    """Traces and sessions, and how to let go of what holds them."""

    traces: Traces
    sessions: Sessions
    close: Callable[[], Awaitable[None]]
    damage: Damage


def open_store(
    settings: Settings,
    clock: Callable[[], float],
    owner: Callable[[], str] = str,
) -> Store:
    """SQLite, or Redis where NTM_STORE is its URL; Redis need not be up yet.

    Args:
        settings: what is kept, for how long, and where
        clock: seconds since the epoch
        owner: of the request that is being answered
    Raises:
        StoreRefused: the URL is wrong or the client for Redis is not installed
        OSError, sqlite3.Error: the file cannot be made
    """
    bounds = (settings.session_ttl, settings.max_sessions, settings.session_bytes)
    if not settings.store_in_redis:
        path = settings.store_path
        database = Database(path)
        damage = Damage(path)
        incoming = Incoming(path.with_name(f"{path.name}.incoming"), settings.trace_bytes, damage)
        traces = TraceStore(
            database, incoming, settings.trace_ttl, settings.trace_bytes, clock, owner, damage
        )

        async def close() -> None:
            await traces.close()
            database.close()

        return Store(
            traces,
            SessionStore(database, *bounds, clock, owner, damage),
            close,
            damage,
        )
    if importlib.util.find_spec("redis") is None:
        raise StoreRefused(
            "NTM_STORE names Redis, which needs: pip install 'neural-turing-machine[cluster]'"
        )
    from service.store.redis import Link, RedisSessions, RedisTraces

    try:
        link = Link(settings.store, settings.store_timeout)
    except ValueError as error:
        raise StoreRefused(f"NTM_STORE is not the URL of a Redis: {error}") from None
    damage = Damage()
    return Store(
        RedisTraces(link, settings.trace_ttl, settings.trace_bytes, clock, owner, damage),
        RedisSessions(link, *bounds, clock, owner, damage),
        link.close,
        damage,
    )
