"""Two runs of different architectures on one time axis: where each looks, and what it answers from.

A read weighting stands above an attention map, on slot axes that are equally long; then it is drawn
from which step's writes what they read came, on one axis of steps.
"""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from ntm.figures import slots
from ntm.figures.canvas import Array, Panel, Times, grid, settle
from ntm.figures.overview import channels
from ntm.insight import answers
from ntm.insight.columns import writes_by_name
from ntm.runs.trace import Trace, TraceError
from ntm.signature import SIDES, Written

READ = SIDES[0]
TALLEST = 3.2  # inches of a map of slots or of steps, where there are as many rows


def compare(trace: Trace, other: Trace, *, cmap: str = "gray") -> Figure:
    """Inputs, outputs, and of each run's head that carries the answer the focus and its provenance.

    Provenance is drawn where the traces tell how their models write, and where no memory was set.

    Raises:
        TraceError: the runs do not go through the same steps from the first on, or one has no heads
    """
    runs = {"A": trace, "B": other}
    refuse_unlike(trace, other)
    steps = min(len(trace), len(other))
    answered = answers.answered(trace.task, trace["inputs"][:steps], trace.phases)
    heads = {name: carrying(run, answered) for name, run in runs.items()}
    panels = [channels("input", trace["inputs"][:steps], cmap)]
    if not np.array_equal(trace["inputs"][:steps], other["inputs"][:steps]):
        panels = [channels(f"input, {x}", run["inputs"][:steps], cmap) for x, run in runs.items()]
    panels += [channels(f"output, {x}", run["outputs"][:steps], cmap) for x, run in runs.items()]
    focus = {x: run[READ][:steps, [heads[x]]] for x, run in runs.items()}
    shown = {x: slots.window([w]) for x, w in focus.items()}
    longest = max(stop - start for start, stop in shown.values())
    for x, w in focus.items():
        start, rows = shown[x][0], min(longest, w.shape[-1])
        called = f"{x}: where read.{runs[x].numbers('read')[heads[x]]} looks"
        panels.append(
            slots.panel(called, w[:, 0], (start, start + rows), cmap=cmap, tallest=TALLEST)
        )
    panels += provenance_panels(runs, heads, list(answered), cmap)
    title = "\n".join(f"{x}: {run.title}" for x, run in runs.items())
    return settle(grid([(panel,) for panel in panels], Times(trace.phases), title=title)[0])


def refuse_unlike(trace: Trace, other: Trace) -> None:
    """Say no to what has no common axes.

    Raises:
        TraceError
    """
    for name, run in (("trace", trace), ("other", other)):
        if READ not in run or not run[READ].shape[1]:
            raise TraceError(f"figure compare needs {READ}, {name} has none")
        if run.first_step:
            raise TraceError(f"figure compare needs steps from 0 on, {name} has {run.first_step}")
    for name in ("inputs", "outputs"):
        one, two = trace[name].shape[1], other[name].shape[1]
        if one != two:
            raise TraceError(f"other should have {one} channels of {name}, got {two}")


def carrying(run: Trace, answered: answers.Heard) -> int:
    """Which of the read heads held carries the answer, or looks hardest where none is known."""
    steps: answers.Heard = answered or dict.fromkeys(range(len(run)))
    if SIDES[1] not in run:
        steps = dict.fromkeys(steps)
    return answers.carrying_head(run.arrays, steps)


def provenance_panels(
    runs: dict[str, Trace], heads: dict[str, int], answered: list[int], cmap: str
) -> Iterator[Panel]:
    """The shares of every step's writes in what the answers read, where they are known."""
    for name, run in runs.items():
        written = run.facts.get("written")
        changed = [item for item in run.facts.get("interventions", ()) if "memory" in item["set"]]
        if written is None or changed:
            continue
        rule = Written.model_validate(written)
        if any(array not in run for array in (*SIDES, "reads", *writes_by_name(rule))):
            continue
        steps = answered[: answers.most_steps(run.arrays)]
        found = answers.shares_by_step(
            run.arrays, steps, heads[name], written=rule, reads_see=run.facts["reads_see"]
        )
        yield Panel(
            f"{name}: the step that wrote what it reads, by share",
            spread(found.astype(np.float32), steps, len(run)),
            cmap=cmap,
            label="step",
            tallest=TALLEST,
        )


def spread(shares: Array, steps: list[int], total: int) -> Array:
    """Shares [A, T] as a map of earlier steps by steps [T, total]; NaN for what is no answer."""
    rows = np.full((shares.shape[1], total), np.nan, np.float32)
    rows[:, steps] = np.clip(shares, 0, 1).T
    return rows
