"""Examples of tasks; the code of somebody's own task runs on a thread that may be given up."""

import asyncio
import threading
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from ntm import seeds
from ntm.signature import Signature
from ntm.tasks import Episode, Task
from service.errors import DeadlineExceeded, NoExample


class Drawn(NamedTuple):
    """An example of a task."""

    episode: Episode
    slots: int  # that a model needs for it
    words: list[str]  # what it says; none where it is of numbers


class Examples:
    """Draws examples; of own tasks one at a time, so that a loop costs one thread at most."""

    def __init__(self) -> None:
        """Begin with none."""
        self._one = asyncio.Lock()

    async def draw(
        self, task: Task, signature: Signature, seed: int, sizes: dict[str, int], seconds: float
    ) -> Drawn:
        """One example of a task.

        Args:
            task: of the library, or somebody's own
            signature: of the model that is to take it
            seed: of the draw
            sizes: of the example
            seconds: that somebody's own code may take
        Raises:
            NoExample: the code of an own task fails, or draws what the model does not take
            DeadlineExceeded: it takes longer
        """
        if task.origin is None:
            return drawn(task, seed, sizes)
        loop, came = asyncio.get_running_loop(), asyncio.Future[Drawn]()

        def settle(found: Drawn | NoExample) -> None:
            self._one.release()
            if came.done():
                return
            if isinstance(found, NoExample):
                came.set_exception(found)
            else:
                came.set_result(found)

        def run() -> None:
            found = checked(task, signature, seed, sizes)
            with suppress(RuntimeError):  # the service has ended
                loop.call_soon_threadsafe(settle, found)

        try:
            async with asyncio.timeout(seconds):
                await self._one.acquire()
                # Not of a pool: the process could not end before a thread that never does.
                threading.Thread(target=run, name="own-task", daemon=True).start()
                return await came
        except TimeoutError:
            raise DeadlineExceeded(
                f"no example: {task.name}.sample took more than {seconds:g} seconds"
            ) from None


def drawn(task: Task, seed: int, sizes: dict[str, int]) -> Drawn:
    """What a task draws, and what it says of it."""
    episode = task.sample(seeds.generator("example", seed), 1, **sizes)
    return Drawn(episode, task.slots_needed(sizes), list(task.words(episode.inputs[:, 0]) or ()))


def checked(
    task: Task, signature: Signature, seed: int, sizes: dict[str, int]
) -> Drawn | NoExample:
    """The same of somebody's own task, or why there is none."""
    try:
        found = drawn(task, seed, sizes)
        inputs, targets = (
            np.asarray(x[:, :]) for x in (found.episode.inputs, found.episode.targets)
        )
        steps = len(inputs)
    except BaseException as failed:  # whatever it does, as leaving the process
        told = f"{type(failed).__name__}: {failed}"
        return NoExample(f"no example: {task.name}.sample fails: {told}")
    widths = (signature.input_size, signature.output_size)
    for name, tensor, width in zip(("inputs", "targets"), (inputs, targets), widths, strict=True):
        if tensor.dtype.kind not in "fiub" or tensor.shape != (steps, 1, width):
            return NoExample(
                f"no example: {task.name}.sample gives {name} of shape {list(tensor.shape)} and "
                f"type {tensor.dtype}, expected numbers [T, 1, {width}]"
            )
    return found
