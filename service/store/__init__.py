"""What survives a kill: traces and sessions in one SQLite file, shared by all worker processes."""

from service.store.database import Database
from service.store.sessions import SessionStore
from service.store.traces import TraceStore

__all__ = ["Database", "SessionStore", "TraceStore"]
