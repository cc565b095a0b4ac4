"""Interventions on the exported graphs: as in the library, whoever shares the batch."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm.interventions.edits import resolve
from ntm.repository.folders import VersionFolder
from service.engines import Engine, open_engine
from service.scheduling.walk import Segment, Terms, Walk, Walked
from tests import changes, small_models
from tests.service.bodies import Float, draw, same
from tests.service.scheduling.scheduling import scheduler_of

STEPS = 24
CHOICES = [
    ("onnx", "copy"),
    ("onnx", "odd"),
    ("onnx", "wide"),
    ("onnx", "learned"),
    ("torchscript", "wide"),
]


@pytest.fixture(scope="module", params=CHOICES, ids=" ".join)
def choice(request: Any) -> tuple[str, str]:
    """An engine and a model."""
    form, name = request.param
    return form, name


@pytest.fixture(scope="module")
def engine(choice: tuple[str, str], repository: Path) -> Engine:
    """A real engine."""
    form, name = choice
    return open_engine(VersionFolder(repository / name / "1"), form, "cpu", 1)


def walk(
    engine: Engine, asked: list[tuple[Float, Any]], slots: int, batch: int, kind: str = "inspect"
) -> list[Walked]:
    """Sequences with their interventions, together."""

    async def test() -> list[Walked]:
        return await asyncio.gather(*(one(x, items) for x, items in asked))

    async def one(x: Float, items: Any) -> Walked:
        edits = resolve(items, engine.signature, len(x), slots) if items else None
        x = x.copy()
        if edits is not None:
            edits.write_inputs(x)
        segments = [Segment("predict", len(x), engine.signature.sides)]
        if kind == "inspect":
            segments = [Segment("inspect", len(x), engine.signature.recordable)]
        return await scheduler.walk(Walk(x, slots, segments, edits=edits), Terms(60))

    scheduler = scheduler_of(engine, batch)
    try:
        return asyncio.run(test())
    finally:
        scheduler.close()


def slots_of(engine: Engine) -> int:
    """An N that the model runs with."""
    return engine.signature.fixed_slots or 11


@settings(max_examples=25)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_exported_and_eager_agree(
    engine: Engine, choice: tuple[str, str], data: Any, seed: int
) -> None:
    slots, x = slots_of(engine), draw(STEPS, seed)
    items = data.draw(changes.interventions(engine.signature, STEPS, slots))
    model = small_models.make(choice[1])
    with torch.inference_mode():
        unrolled = model.unroll(
            torch.from_numpy(x), memory_slots=slots, record="addressing", interventions=items
        )
    assert unrolled.record is not None
    walked = walk(engine, [(x, items)], slots, 1)[0]
    expected = {name: value[:, 0].numpy() for name, value in unrolled.record._asdict().items()}
    np.testing.assert_allclose(walked.outputs, unrolled.outputs[:, 0].numpy(), atol=1e-4)
    for name in engine.signature.recordable & expected.keys():
        np.testing.assert_allclose(walked.values[name], expected[name], atol=1e-4, err_msg=name)


@settings(max_examples=6)
@given(data=st.data(), batch=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_nobody_notices_the_interventions_of_others(
    engine: Engine, data: Any, batch: int, seed: int
) -> None:
    slots = slots_of(engine)
    asked: list[tuple[Float, Any]] = []
    for number in range(data.draw(st.integers(2, 6))):
        steps = data.draw(st.integers(1, 40))
        items = data.draw(
            st.one_of(st.just([]), changes.interventions(engine.signature, steps, slots))
        )
        asked.append((draw(steps, seed + number), items))
    together = walk(engine, asked, slots, batch)
    for given_walked, one in zip(together, asked, strict=True):
        alone = walk(engine, [one], slots, 1)[0]
        assert same(given_walked.outputs, alone.outputs)
        assert all(
            same(given_walked.values[n], alone.values[n]) for n in engine.signature.recordable
        )
        predicted = walk(engine, [one], slots, 1, "predict")[0]
        assert same(predicted.outputs, alone.outputs)
        for name in ("read_weightings", "write_weightings"):
            assert same(predicted.values[name], alone.values[name])


def test_pinning_what_the_model_did_anyway_changes_no_bit(engine: Engine) -> None:
    slots, x = slots_of(engine), draw(STEPS)
    plain = walk(engine, [(x, [])], slots, 1)[0]
    items = changes.pin_all(plain.values, x, engine.signature)
    rng = np.random.default_rng(0)
    for chosen in (items, [i for i in items if rng.random() < 0.3], items[5:6]):
        pinned = walk(engine, [(x, chosen)], slots, 1)[0]
        assert same(pinned.outputs, plain.outputs)
        assert all(same(pinned.values[n], plain.values[n]) for n in engine.signature.recordable)


def test_pinning_what_an_intervened_run_did_anyway_gives_it_again(engine: Engine) -> None:
    slots, x = slots_of(engine), draw(STEPS)
    items = [
        {"steps": "3:9", "head": "write.0", "set": {"weighting": "zero"}},
        {"steps": "12:", "head": "read.0", "set": {"gate": 1}},
    ]
    changed = walk(engine, [(x, items)], slots, 1)[0]
    again = walk(engine, [(x, changes.pin_all(changed.values, x, engine.signature))], slots, 1)[0]
    assert same(again.outputs, changed.outputs)
    assert not same(changed.outputs, walk(engine, [(x, [])], slots, 1)[0].outputs)
