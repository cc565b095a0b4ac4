"""Examples of somebody's own task, whose code may do anything."""

import asyncio
import threading
import time
from typing import Any, ClassVar

import numpy as np
import pytest

from ntm.tasks import Copy, Episode, Origin
from service.api.examples import Drawn, Examples
from service.errors import DeadlineExceeded, NoExample
from tests import small_models

SIGNATURE = small_models.make("copy").signature
SIZES = {"length": 3}
go_on = threading.Event()


class Own(Copy):
    """A task that comes from a file; how it is named is what it does."""

    does: str = "draw"
    origin: ClassVar[Origin | None] = Origin(file="own.py", sha256="0" * 64, class_name="Own")

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Any:
        episode = super().sample(rng, batch_size, **sizes)
        match self.does:
            case "loop":
                while not go_on.is_set():
                    time.sleep(0.001)
            case "exit":
                raise SystemExit(3)
            case "nothing":
                return None
            case "narrow":
                return Episode(episode.inputs[..., :2], episode.targets)
            case "flat":
                return Episode(episode.inputs, episode.targets[:, 0])
            case "text":
                return Episode(episode.inputs.astype(str), episode.targets)
        return episode


async def draw(examples: Examples, does: str, seconds: float = 30) -> Drawn:
    return await examples.draw(Own(bits=4, does=does), SIGNATURE, 1, SIZES, seconds)


def test_an_own_task_draws_as_one_of_the_library_does() -> None:
    async def both() -> tuple[Drawn, Drawn]:
        examples = Examples()
        theirs = await examples.draw(Copy(bits=4), SIGNATURE, 1, SIZES, 30)
        return await draw(examples, "draw"), theirs

    ours, theirs = asyncio.run(both())
    np.testing.assert_array_equal(ours.episode.inputs, theirs.episode.inputs)
    assert len(ours.episode.inputs) == 8


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("exit", "own.sample fails: SystemExit: 3"),
        ("nothing", "own.sample fails: AttributeError"),
        ("narrow", r"gives inputs of shape \[8, 1, 2\] and type float32, expected numbers"),
        ("flat", r"gives targets of shape \[8, 4\]"),
        ("text", r"expected numbers \[T, 1, 6\]"),
    ],
)
def test_what_is_no_example_is_told(does: str, says: str) -> None:
    with pytest.raises(NoExample, match=says):
        asyncio.run(draw(Examples(), does))


def test_a_loop_costs_one_thread_and_holds_up_nobody_but_own_tasks() -> None:
    async def work() -> None:
        examples = Examples()
        for _ in range(2):  # who comes second does not begin
            with pytest.raises(DeadlineExceeded, match=r"sample took more than 0\.05 seconds"):
                await draw(examples, "loop", 0.05)
        assert [t.name for t in threading.enumerate()].count("own-task") == 1
        assert await examples.draw(Copy(bits=4), SIGNATURE, 1, SIZES, 30)
        go_on.set()
        assert await draw(examples, "draw")  # once it has ended after all

    asyncio.run(work())
