"""The sequences of one batch: when one fails or the client leaves, none goes on."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from service.api.context import Context
from service.api.inference import walk_all
from service.contract.checks import Prediction
from service.contract.open_inference.requests import InferRequest, Wanted
from service.errors import QueueFull
from service.models.served import LoadedModel
from service.scheduling.walk import Terms, Walk, Walked


class Stubborn:
    """A scheduler on which nothing ends, but the sequence of ones is refused."""

    def __init__(self) -> None:
        self.begun, self.cancelled = 0, 0

    async def walk(self, walk: Walk, terms: Terms) -> Walked:
        assert terms.together
        self.begun += 1
        await asyncio.sleep(0)
        if walk.inputs.all():
            raise QueueFull("full")
        try:
            return await asyncio.Future()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


def walking(scheduler: Stubborn, sequences: Any) -> Any:
    """The walks of a batch."""
    asked = InferRequest(None, sequences, True, (Wanted("outputs", True),), None, False, None)
    predictions = [Prediction(sequence, None, 8) for sequence in sequences]
    model = cast(LoadedModel, SimpleNamespace(scheduler=scheduler))
    settings = SimpleNamespace(request_timeout=60.0)
    context = cast(Context, SimpleNamespace(settings=settings))
    return walk_all(asked, predictions, [], model, context)


def test_one_refused_cancels_the_others() -> None:
    scheduler = Stubborn()
    sequences = np.zeros((4, 3, 2), np.float32)
    sequences[2] = 1

    async def run() -> None:
        with pytest.raises(QueueFull):
            await walking(scheduler, sequences)
        await asyncio.sleep(0.01)
        assert (scheduler.begun, scheduler.cancelled) == (4, 3)

    asyncio.run(run())


def test_a_client_that_leaves_cancels_all() -> None:
    scheduler = Stubborn()

    async def run() -> None:
        task = asyncio.ensure_future(walking(scheduler, np.zeros((4, 3, 2), np.float32)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.01)
        assert (scheduler.begun, scheduler.cancelled) == (4, 4)

    asyncio.run(run())
