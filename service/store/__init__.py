"""What survives a kill: traces and sessions, in a SQLite file or in Redis.

All processes, replicas and machines that serve together share one store.
"""

from service.store.database import Database
from service.store.opening import Store, StoreRefused, open_store
from service.store.protocol import Sessions, Traces
from service.store.sessions import SessionStore
from service.store.traces import TraceStore

__all__ = [
    "Database",
    "SessionStore",
    "Sessions",
    "Store",
    "StoreRefused",
    "TraceStore",
    "Traces",
    "open_store",
]
