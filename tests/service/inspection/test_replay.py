"""A replay in stretches of any length tells what one in a single stretch tells."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from ntm.insight import Thresholds
from ntm.interventions.edits import resolve
from ntm.repository.folders import VersionFolder
from service.errors import Unreplayable
from service.inspection import insight, replay
from service.inspection import replay as replaying
from service.inspection import selection as selections
from service.inspection.replay import Replay, begin
from service.memory import Budget
from service.models import served
from service.models.served import LoadedModel
from service.records import trace as traces
from service.records.trace import Trace
from service.scheduling.cores import Cores
from service.scheduling.walk import Segment, Terms, Walk
from service.settings import Settings
from tests.service.bodies import draw, same

CHANGES = [
    {"steps": 17, "slot": 2, "set": {"memory": [1.0, -1.0, 2.0, 0.5, 1.0]}},
    {"steps": "5:9", "head": "read.1", "set": {"gate": 0}},
    {"steps": "20:22", "head": "write.0", "set": {"weighting": "zero"}},
]
STEPS, SLOTS = 40, 33
T = TypeVar("T")


@pytest.fixture(scope="module")
def model(repository: Path) -> Iterator[LoadedModel]:
    """A model of several heads."""
    folder = VersionFolder(repository / "wide" / "1")
    loaded = served.load(folder, Settings(), lambda model, chunk: None, Cores(1), Budget(2**30))
    yield loaded
    loaded.scheduler.close()


@pytest.fixture(scope="module", params=[(), CHANGES], ids=["as it was", "with interventions"])
def trace(model: LoadedModel, request: Any) -> Trace:
    """A trace of it."""
    inputs = draw(STEPS)
    edits = resolve(request.param, model.signature, STEPS, SLOTS) if request.param else None
    walk = Walk(inputs, SLOTS, [Segment("predict", STEPS)], edits=edits)
    outputs = asyncio.run(model.scheduler.walk(walk, Terms(30))).outputs
    return traces.record(model, inputs, None, SLOTS, outputs, 0.0, request.param)


async def replayed(trace: Trace, model: LoadedModel, ask: Callable[[Replay], Any]) -> Any:
    """What a replay tells."""
    return await ask(await begin(trace, model, 30))


@pytest.mark.parametrize("size", [1, 40_000, 100_000])
def test_provenance_and_findings_do_not_depend_on_the_stretches(
    model: LoadedModel, trace: Trace, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Callable[[Replay], Any]] = [
        *(lambda r, s=s: insight.provenance(r, s, 1, 1000) for s in (0, 16, 17, 39)),
        lambda r: insight.findings(r, Thresholds(diffuse_steps=1, frozen_steps=1)),
    ]
    whole = [asyncio.run(replayed(trace, model, ask)) for ask in asked]
    monkeypatch.setattr(replay, "STRETCH_BYTES", size)
    monkeypatch.setattr(
        Replay, "balanced_stretch", lambda self, steps, fields: self.stretch(fields)
    )
    parts = [asyncio.run(replayed(trace, model, ask)) for ask in asked]
    for told, other_told in zip(parts[:-1], whole[:-1], strict=True):
        ours, theirs = told.exactly, other_told.exactly
        assert told.error < 1e-5
        assert told.rolled_out is None
        assert same(ours.read, theirs.read)
        for part, other in zip(ours.parts, theirs.parts, strict=True):
            assert (part.kind, part.step, part.head) == (other.kind, other.step, other.head)
            assert same(part.vector, other.vector)
    assert parts[-1] == whole[-1] != []


def test_a_stretch_tells_what_the_trace_tells(model: LoadedModel, trace: Trace) -> None:
    async def ask(one: Replay) -> tuple[Any, ...]:
        fields = insight.compared(model.signature)
        before = await one.advance(7, fields)
        state = one.state
        after = await one.advance(23, fields)
        await one.finish()
        return before, after, await one.again(7, 23, state, fields)

    before, after, again = asyncio.run(replayed(trace, model, ask))
    asked = ",".join(insight.compared(model.signature))
    selection = selections.select(trace, model, asked, "0:23", None)
    plan = selections.plan(selection, model, STEPS)
    walked = asyncio.run(replaying.replay(trace, model, plan, 30))
    for name, whole in selections.assemble(trace, model, selection, walked).items():
        assert same(np.concatenate([before[name], after[name]]), whole), name
        assert same(again[name], after[name]), name


def test_what_is_held_at_once_is_bounded(
    model: LoadedModel, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "STRETCH_BYTES", 30_000)
    held = []
    advance = Replay.advance

    async def watched(self: Replay, stop: int, fields: Any = ()) -> Any:
        tensors = await advance(self, stop, fields)
        held.append(sum(tensor.nbytes for tensor in tensors.values()))
        return tensors

    monkeypatch.setattr(Replay, "advance", watched)
    asyncio.run(replayed(trace, model, lambda r: insight.findings(r, Thresholds())))
    assert len(held) == 4
    assert max(held) <= 30_000


def test_outputs_that_are_not_those_recorded_are_told(model: LoadedModel) -> None:
    wrong = traces.record(model, draw(STEPS), None, SLOTS, draw(STEPS)[:, :4], 0.0)

    async def compare(left: Replay) -> Any:
        return await insight.difference(left, await begin(wrong, model, 30), 0.0)

    for ask in (
        lambda r: insight.provenance(r, 3, 0, 5),
        lambda r: insight.findings(r, Thresholds()),
        compare,
    ):
        with pytest.raises(Unreplayable):
            asyncio.run(replayed(wrong, model, ask))


def test_two_traces_are_held_in_stretches_that_both_fit(
    model: LoadedModel, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "STRETCH_BYTES", 60_000)
    narrow = Replay._bytes_per_step
    held: list[int] = []
    advance = Replay.advance

    async def watched(self: Replay, stop: int, fields: Any = ()) -> Any:
        tensors = await advance(self, stop, fields)
        held.append(sum(tensor.nbytes for tensor in tensors.values()))
        return tensors

    async def ask(left: Replay) -> Any:
        monkeypatch.setattr(  # as of a model with less at every step
            Replay, "_bytes_per_step", lambda self, f: 1 if self is left else narrow(self, f)
        )
        return await insight.difference(left, await begin(trace, model, 30), 0.0)

    monkeypatch.setattr(Replay, "advance", watched)
    told, _ = asyncio.run(replayed(trace, model, ask))
    assert (told.steps, told.first_step) == (STEPS, None)
    assert max(held) <= 30_000
