"""A scheduler whose replicas walk: waiters have their answers, and whoever leaves is counted."""

import asyncio
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")

from service.cluster.calls import Call, Reply
from service.cluster.remote import RemoteScheduler
from service.errors import DeadlineExceeded, QueueFull, ServiceError
from service.scheduling.events import Ended
from service.scheduling.walk import Segment, Terms, Walk, Walked

WALK = Walk(np.zeros((5, 2), np.float32), 8, [Segment("predict", 5)], start=2)
DONE = Walked(np.ones((3, 2), np.float32), {})


class Replica:
    """Answers calls when the test sets their results."""

    def __init__(self) -> None:
        self.walk = SimpleNamespace(remote=self._call)
        self.calls: list[Call] = []
        self.answers: list[asyncio.Future[Reply]] = []

    def _call(self, call: Call) -> "asyncio.Future[Reply]":
        self.calls.append(call)
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


def scheduler_of(replica: Replica) -> tuple[RemoteScheduler, list[str]]:
    """A scheduler and the outcomes that it reports."""
    engine: Any = SimpleNamespace(name="onnx", digest="d", device="auto")
    outcomes: list[str] = []

    def observe(event: Any) -> None:
        assert isinstance(event, Ended)
        outcomes.append(event.outcome)

    return RemoteScheduler(replica, engine, 3, observe), outcomes


async def called(replica: Replica) -> "asyncio.Future[Reply]":
    """The answer that is waited for, once the replica has its call."""
    while not replica.answers:
        await asyncio.sleep(0)
    return replica.answers[-1]


@pytest.mark.parametrize("result", [DONE, QueueFull("full")])
def test_a_waiter_has_what_the_replica_answers(result: Walked | ServiceError) -> None:
    async def main() -> None:
        replica = Replica()
        scheduler, outcomes = scheduler_of(replica)
        walking = asyncio.create_task(scheduler.walk(WALK, Terms(30)))
        answer = await called(replica)
        assert scheduler.queued_steps == 3
        answer.set_result(Reply(result, "cpu"))
        (got,) = await asyncio.gather(walking, return_exceptions=True)
        assert got is result
        assert (replica.calls[0].walk, replica.calls[0].timeout) == (WALK, 30)
        assert (scheduler.queued_steps, len(outcomes)) == (0, 1)

    asyncio.run(main())


def test_a_waiter_that_leaves_cancels_its_call() -> None:
    async def main() -> None:
        replica = Replica()
        scheduler, outcomes = scheduler_of(replica)
        walking = asyncio.create_task(scheduler.walk(WALK, Terms(30)))
        answer = await called(replica)
        walking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await walking
        assert answer.cancelled()
        assert (scheduler.queued_steps, outcomes) == (0, ["cancelled"])

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "outcome"), [(QueueFull("full"), "rejected"), (DeadlineExceeded("x"), "timed_out")]
)
def test_an_error_of_the_replica_is_counted_for_what_it_is(
    error: ServiceError, outcome: str
) -> None:
    async def main() -> None:
        replica = Replica()
        scheduler, outcomes = scheduler_of(replica)
        walking = asyncio.create_task(scheduler.walk(WALK, Terms(30)))
        (await called(replica)).set_result(Reply(error, "cpu"))
        with pytest.raises(type(error)):
            await walking
        assert outcomes == [outcome]

    asyncio.run(main())
