"""Inference engines: one Protocol, one module an engine. An engine knows nothing of requests."""

from service.engines.choose import EngineUnavailable, has_kernel, native_is_best, open_engine
from service.engines.protocol import Engine, EngineFacts, Kind, Pins, Values

__all__ = [
    "Engine",
    "EngineFacts",
    "EngineUnavailable",
    "Kind",
    "Pins",
    "Values",
    "has_kernel",
    "native_is_best",
    "open_engine",
]
