"""A row's bits depend on nothing but the row, however the step is wired."""

import numpy as np
import pytest

from ntm.architectures import catalogue
from ntm.export.unrolled import chunk
from ntm.export.write import onnx_runner
from ntm.repository.checkpoint import weights_of
from ntm.signature import State
from tests import wired_models

STEPS, BATCH = 4, 5


def rows(state: State, at: slice) -> State:
    """Some rows of a batch."""
    return {name: np.ascontiguousarray(value[at]) for name, value in state.items()}


@pytest.mark.parametrize("name", ["fumin", "lasagne", "pairs", "clemkoa", "layers below"])
def test_a_row_has_the_same_bits_alone_and_step_by_step(name: str) -> None:
    model = wired_models.make(name)
    weights = weights_of(model)
    run, run_one = (
        onnx_runner(chunk(model.config, weights, steps, "predict").SerializeToString())
        for steps in (STEPS, 1)
    )
    learned = catalogue.learned_values_of(model.config, weights)
    state = model.signature.initial_state(BATCH, model.config.N, learned)
    x = np.random.default_rng(0).normal(size=(STEPS, BATCH, 3)).astype(np.float32)
    together, after = run(x, state, {})
    again, last = run(x, after, {})
    for row in range(BATCH):
        own = slice(row, row + 1)
        alone = rows(after, own)
        for step in range(STEPS):
            values, alone = run_one(x[step : step + 1, own], alone, {})
            for tensor, value in values.items():
                assert np.array_equal(value[0, 0], again[tensor][step, row]), tensor
        for tensor, value in alone.items():
            assert np.array_equal(value[0], last[tensor][row]), tensor
    assert np.isfinite(together["outputs"]).all()
