"""Two architectures in one figure: on one axis of time, of slots and of the steps that wrote."""

import numpy as np
import pytest

from ntm import figures
from ntm.runs.trace import Trace, TraceError


def walk(slots: int, visited: list[int]) -> np.ndarray:
    """A weighting of one head that visits one slot a step, [T, 1, N]."""
    return np.eye(slots, dtype=np.float32)[visited][:, None]


def kinds_of_run(steps: int = 12) -> tuple[Trace, Trace]:
    """A copy of 5 vectors by a machine of 8 slots, and by two heads of attention over 12."""
    rng, half = np.random.default_rng(0), steps // 2
    inputs, outputs = rng.random((steps, 6)), rng.random((steps, 4))
    task = {"name": "copy", "bits": 4}
    inputs[:, 4:] = 0
    inputs[0, 4] = inputs[half, 5] = 1
    heard = np.r_[np.arange(half + 1), np.arange(1, half)]  # what step t reads
    add = rng.normal(size=(steps, 1, 3))
    add[half + 1 :] = 0
    machine = {
        "inputs": inputs,
        "outputs": outputs,
        "write_weightings": walk(8, [t % 8 for t in range(steps)]),
        "read_weightings": walk(8, list(heard)),
        "writes.erase": np.zeros((steps, 1, 3)),
        "writes.add": add,
        "reads": add[heard],
    }
    looking = np.stack([np.eye(steps), np.eye(steps)[heard]], axis=1)
    values = rng.normal(size=(steps, 2, 5))
    attention = {
        "inputs": inputs,
        "outputs": outputs,
        "write_weightings": np.eye(steps)[:, None],
        "read_weightings": looking,
        "addressing.read.value": values,
        "reads": np.einsum("thn,nhm->thm", looking, values),
    }
    phases = [{"name": "answer", "start": half + 1, "stop": steps}]
    facts = {"task": task, "phases": phases, "steps": steps}
    columns = {"erase": None, "add": "value", "columns": [0, 5]}
    return (
        Trace(facts | {"model": "a", "reads_see": "before", "written": {}}, machine),
        Trace(facts | {"model": "b", "reads_see": "after", "written": columns}, attention),
    )


def test_two_architectures_are_drawn_on_one_axis_of_time_and_of_slots() -> None:
    machine, attention = kinds_of_run()
    figure = figures.draw(machine, "compare", other=attention)
    maps = [axis for axis in figure.axes if axis.get_images()]
    names = [axis.get_title(loc="left") for axis in maps]
    looks = ["A: where read.0 looks", "B: where read.1 looks"]  # the head that carries the answer
    wrote = [f"{x}: the step that wrote what it reads, by share" for x in "AB"]
    assert names == ["input", "output, A", "output, B", *looks, *wrote]
    assert len({axis.get_xlim() for axis in maps}) == 1
    for axis in maps[-2:]:
        shares = np.ma.filled(axis.get_images()[0].get_array(), -1)
        assert (shares[:, :7] == -1).all()  # nothing is answered before step 7
        np.testing.assert_allclose(shares[:, 7:], np.eye(12)[:, 1:6], atol=1e-6)


def test_runs_without_common_axes_are_not_compared() -> None:
    machine, attention = kinds_of_run()
    cells = Trace(attention.facts, {n: attention[n] for n in ("inputs", "outputs")})
    wider = Trace(attention.facts, {**attention.arrays, "inputs": np.zeros((12, 7))})
    for other, said in ((cells, "needs read_weightings, other has none"),
                        (wider, "6 channels of inputs, got 7"), (None, "needs other")):  # fmt: skip
        with pytest.raises(TraceError, match=said):
            figures.draw(machine, "compare", other=other)
    changed = {"interventions": [{"steps": "3", "slot": 0, "set": {"memory": [0.0] * 3}}]}
    figure = figures.draw(Trace({**machine.facts, **changed}, machine.arrays), "compare",
                          other=attention)  # fmt: skip
    names = [axis.get_title(loc="left") for axis in figure.axes]
    assert not any(name.startswith("A: the step") for name in names)
