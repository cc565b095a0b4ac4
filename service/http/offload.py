"""Where bodies are converted: small ones at once, large ones off the event loop, one at a time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SMALL = 2**16  # bytes that are converted sooner than a thread is asked to

# One thread: lists of numbers take twenty times the bytes of the body, once and not once a client.
_thread = ThreadPoolExecutor(1, "conversion")


async def convert(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `work` where `size` bytes do not keep others waiting."""
    if size <= SMALL:
        return work(*args, **kwargs)
    loop = asyncio.get_running_loop()
    context = copy_context()  # whose request it is
    return await loop.run_in_executor(_thread, lambda: context.run(work, *args, **kwargs))
