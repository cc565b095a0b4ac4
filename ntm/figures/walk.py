"""A walk through a graph as the DNC's paper shows it: slots by what they hold, and what is read."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ntm.figures.canvas import PHASE, Array, Panel, Times, draw_map, settle, sheet
from ntm.runs.trace import Trace, TraceError

ROW_INCHES = 0.16
RIGHT, WRONG = "tab:green", "tab:red"


def walk(trace: Trace, *, cmap: str = "gray") -> Figure:
    """Where every edge was written, and which of them each step of the walk reads.

    Rows are slots, called by the edge that was written there last. Beside a step stands the node
    that is answered, red where it is wrong; a frame is around the edge that was asked for.

    Raises:
        TraceError: the model does not write
    """
    task, inputs = trace.task, trace["inputs"]
    if task is None or not trace["write_weightings"].shape[1]:
        raise TraceError("figure walk draws where edges are written; this model writes nowhere")
    edges, asked = trace.phases
    words = task.words(inputs)
    written = trace["write_weightings"].sum(axis=1)[: edges.stop]
    at = written.argmax(axis=1)
    holds = dict(zip(at.tolist(), range(edges.stop), strict=True))  # the last step of every slot
    slots = sorted(holds)
    heads = trace["read_weightings"].shape[1]
    figure = sheet(ROW_INCHES * len(slots) + 2.2, trace.title)
    axes = figure.subplots(
        1, 1 + heads, sharey=True, squeeze=False, width_ratios=[2.0, *([1.0] * heads)]
    )[0]
    draw_map(axes[0], Panel("", written.T[slots]), Times())
    axes[0].set_title("written, step by step", fontsize=8, loc="left")
    answers = (task.answer(inputs, trace["outputs"]) or "").split(", ")
    meant = (task.answer(inputs, trace["target"]) or "").split(", ") if "target" in trace else []
    named = [
        f"{words[step]}\n{answer}"
        for step, answer in zip(range(asked.start, asked.stop), answers, strict=True)
    ]
    for head, axis in enumerate(axes[1:]):
        read = trace["read_weightings"][asked.start : asked.stop, head]
        draw_map(axis, Panel("", read.T[slots], cmap=cmap), Times(first_step=asked.start))
        which = f" by head {head}" if heads > 1 else ""
        axis.set_title(f"read{which} on the walk", fontsize=8, loc="left")
        axis.set_xticks(range(asked.start, asked.stop), named, rotation=90, fontsize=6)
        if meant:
            for label, answer, right in zip(axis.get_xticklabels(), answers, meant, strict=True):
                label.set_color(RIGHT if answer == right else WRONG)
        frame(axis, task.heard(inputs), at, slots)
    axes[0].set_yticks(range(len(slots)), [words[holds[slot]] for slot in slots], fontsize=6)
    return settle(figure)


def frame(axis: Axes, heard: dict[int, int], at: Array, slots: list[int]) -> None:
    """A frame around the slot of the edge that each step of the walk asks for."""
    for step, told in heard.items():
        row = slots.index(int(at[told]))
        axis.plot(step, row, "s", markersize=8, fillstyle="none", color=PHASE, markeredgewidth=0.9)
