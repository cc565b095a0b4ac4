"""Pictures of a run: what is drawn where."""

from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from ntm import DNC, figures, tasks
from ntm.figures.canvas import pooled
from ntm.runs.trace import Trace, TraceError
from ntm.tasks import Babi, Copy, GraphTraversal, Phase, ReuseCopy


def walk(slots: int, visited: list[int]) -> np.ndarray:
    """A weighting of one head that visits one slot a step, [T, 1, N]."""
    return np.eye(slots, dtype=np.float32)[visited][:, None]


@pytest.mark.parametrize(
    ("visited", "window"),
    [
        ([3, 4, 5], (2, 7)),
        ([0, 1, 2], (-1, 4)),
        ([19, 0, 1], (-2, 3)),
        ([18, 19], (17, 21)),
    ],
)
def test_the_window_is_the_shortest_stretch_of_the_circle(
    visited: list[int], window: tuple[int, int]
) -> None:
    figure = figures.overview({"write_weightings": walk(20, visited)})
    low, high = figure.axes[0].get_ylim()
    assert (low + 0.5, high + 0.5) == window


def test_a_walk_round_the_whole_circle_is_shown_whole() -> None:
    figure = figures.overview({"read_weightings": walk(6, [0, 1, 2, 3, 4, 5])})
    low, high = figure.axes[0].get_ylim()
    assert high - low == 6


def test_the_focus_is_drawn_on_its_own_slot() -> None:
    figure = figures.overview({"write_weightings": walk(20, [19, 0, 1])})
    image = figure.axes[0].get_images()[0]
    drawn, lowest = np.asarray(image.get_array()), image.get_extent()[2] + 0.5
    assert [int(lowest + drawn[:, step].argmax()) for step in range(3)] == [-1, 0, 1]


def test_there_is_a_panel_for_all_that_is_known_and_a_line_where_a_phase_begins() -> None:
    tensors = {
        "inputs": np.zeros((4, 3), np.float32),
        "target": np.full((4, 2), np.nan, np.float32),
        "outputs": np.zeros((4, 2), np.float32),
        "writes.add": np.ones((4, 1, 5), np.float32),
        "write_weightings": walk(9, [0, 1, 2, 3]),
        "reads": np.ones((4, 2, 5), np.float32),
        "read_weightings": np.concatenate([walk(9, [0, 1, 2, 3])] * 2, axis=1),
    }
    phases = (Phase("present", 0, 2), Phase("answer", 2, 4))
    figure = figures.overview(tensors, title="run", phases=phases)
    names = [axis.get_ylabel() for axis in figure.axes]
    assert names == [
        *("input", "target", "output", "add", "write weighting"),
        *("read 0", "read weighting 0", "read 1", "read weighting 1"),
    ]
    assert all(line.get_xdata()[0] == 1.5 for axis in figure.axes for line in axis.get_lines())
    assert figures.render(figure, "png").startswith(b"\x89PNG")
    assert b"<svg" in figures.render(figure, "svg")


def test_a_slice_is_numbered_by_its_own_steps() -> None:
    figure = figures.overview({"write_weightings": walk(20, [3, 4, 5])}, first_step=990)
    assert figure.axes[0].get_images()[0].get_extent()[:2] == [989.5, 992.5]


def test_rows_below_slot_0_are_labelled_as_the_last_slots() -> None:
    figure = figures.overview({"write_weightings": walk(20, [19, 0, 1])})
    labelled = figure.axes[0].yaxis.get_major_formatter()
    assert [labelled(row, None) for row in (-1, 0, 1)] == ["19", "0", "1"]


def test_no_peak_is_lost_where_there_are_more_values_than_pixels() -> None:
    slots, steps = 1024, 5000
    visited = (np.arange(steps) * 7) % slots
    figure = figures.overview({"write_weightings": walk(slots, list(visited))})
    drawn = np.asarray(figure.axes[0].get_images()[0].get_array())
    assert drawn.shape[0] < slots
    assert drawn.shape[1] < steps
    assert (drawn.max(axis=0) == 1).all()
    signed = pooled(np.where(walk(slots, list(visited))[:, 0].T == 1, -1, 0.5), (100, 500))
    assert signed.shape == (100, 500)
    assert (signed.min(axis=0) == -1).all()


def test_what_was_added_and_read_is_drawn_without_weightings() -> None:
    vectors = np.ones((5, 2, 20), np.float32)
    figure = figures.overview({"writes.add": vectors[:, :1], "reads": vectors})
    assert len(figure.axes) == 3


def test_what_a_figure_misses_is_told() -> None:
    facts = {"model": "copy", "steps": 3}
    nothing = Trace(facts, {"memory": np.zeros((3, 4, 2), np.float32)})
    with pytest.raises(TraceError, match="was taken without inputs"):
        figures.draw(nothing)
    inputs = {"inputs": np.zeros((3, 4), np.float32), "outputs": np.zeros((3, 4), np.float32)}
    with pytest.raises(TraceError, match="was taken without read_weightings"):
        figures.draw(Trace(facts, inputs), "fig6")


def recorded(task: Copy | ReuseCopy | GraphTraversal, **sizes: Any) -> Trace:
    """A random DNC's run of an example."""
    torch.manual_seed(2)
    model = DNC(input_size=task.input_size, output_size=task.output_size, W=4, **sizes).eval()
    episode = task.sample(np.random.default_rng(1), 1)
    target = episode.targets[:, 0]
    return Trace.record(model, episode.inputs[:, 0], task=task, target=target, name="dnc")


def numbers(drawn: Any) -> np.ndarray:
    """The numbers of a line."""
    return np.asarray(drawn, float)


def titles(figure: Figure) -> list[str]:
    """What stands over the rows."""
    return [axis.get_title(loc="left") for axis in figure.axes]


def test_allocation_draws_usage_and_gates_over_the_steps() -> None:
    trace = recorded(ReuseCopy(max_length=2, max_sub_sequences=2), N=6, num_reads=2)
    figure = figures.draw(trace, "allocation")
    assert titles(figure) == [
        "inputs",
        "outputs",
        "write weightings",
        "read weightings, head 0",
        "read weightings, head 1",
        "usage u of each slot",
        "slots in use: the sum of u",
        "gates of the write head",
        "free gates of the read heads",
    ]
    axes = dict(zip(titles(figure), figure.axes, strict=True))
    usage = np.asarray(axes["usage u of each slot"].get_images()[0].get_array())
    assert np.array_equal(usage, trace["writes.usage"].T)
    line = axes["slots in use: the sum of u"].get_lines()[0]
    np.testing.assert_allclose(numbers(line.get_ydata()), trace["writes.usage"].sum(axis=1))
    named = axes["free gates of the read heads"].get_legend_handles_labels()[1]
    assert named == ["free f 0", "free f 1"]
    assert figures.render(figure, "png").startswith(b"\x89PNG")


def test_modes_are_shares_of_one_and_left_out_where_a_memory_has_no_links() -> None:
    trace = recorded(Copy(bits=2, max_length=3), N=5)
    figure = figures.draw(trace, "modes")
    axis = dict(zip(titles(figure), figure.axes, strict=True))["read modes π"]
    assert axis.get_legend_handles_labels()[1] == ["backward", "content", "forward"]
    top = axis.patches[-1]
    assert isinstance(top, StepPatch)
    np.testing.assert_allclose(top.get_data().values, 1, atol=1e-6)
    unlinked = titles(figures.draw(recorded(Copy(bits=2, max_length=3), N=5, links=False), "modes"))
    assert "content: slots like the key" in unlinked
    assert not {"read modes π", "forward: the slot written next"} & set(unlinked)


def test_an_architectures_own_figure_is_refused_for_another() -> None:
    other = Trace({"model": "copy"}, {"inputs": np.zeros((3, 4), np.float32)})
    with pytest.raises(TraceError, match=r"allocation draws writes.usage, .* of a Differentiable"):
        figures.draw(other, "allocation")
    with pytest.raises(TraceError, match=r"figure should be one of overview, .*allocation, modes"):
        figures.draw(other, "nonsense")


def test_a_walk_names_slots_by_their_edges_and_frames_those_asked_for() -> None:
    task = GraphTraversal(max_edges=6, max_path=3)
    trace = recorded(task, N=9)
    figure = figures.draw(trace, "walk")
    written, read = figure.axes
    words = task.words(trace["inputs"])
    held = trace["write_weightings"][:6, 0].argmax(axis=1)
    slots = sorted(set(held.tolist()))
    last = {slot: words[step] for step, slot in enumerate(held.tolist())}
    assert [label.get_text() for label in written.get_yticklabels()] == [last[s] for s in slots]
    said = (task.answer(trace["inputs"], trace["outputs"]) or "").split(", ")
    labels = [label.get_text() for label in read.get_xticklabels()]
    assert labels == [f"{asked}\n{node}" for asked, node in zip(words[6:], said, strict=True)]
    framed = {
        int(numbers(line.get_xdata())[0]): int(numbers(line.get_ydata())[0])
        for line in read.get_lines()
    }
    heard = task.heard(trace["inputs"])
    assert framed == {step: slots.index(int(held[told])) for step, told in heard.items()}
    with pytest.raises(TraceError, match="walk is a picture of graph"):
        figures.draw(recorded(Copy(bits=2, max_length=2), N=5), "walk")


def test_hops_shade_the_sentences_that_they_looked_at() -> None:
    task = Babi()
    told = ["Mary went to the kitchen.", "John moved to the garden.", "Where is Mary?"]
    inputs = task.vocabulary.encode([*told, "Mary went to the office.", told[-1]]).inputs
    attention = np.zeros((len(inputs), 1, 2), np.float32)  # two slots: the third sentence is in 0
    attention[3, 0, 0], attention[9, 0, 0], attention[10, 0, 1] = 0.75, 0.5, 1
    outputs = np.eye(task.output_size, dtype=np.float32)[[3] * len(inputs)]
    arrays = {"inputs": inputs, "outputs": outputs, "read_weightings": attention}
    trace = Trace({"model": "m", "task": tasks.dump(task), "steps": len(inputs)}, arrays)
    figure = figures.draw(trace, "hops", at=[2])
    first, second = (np.ma.filled(axis.get_images()[0].get_array(), np.nan) for axis in figure.axes)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "→ 2 mary went to the office", "1 john moved to the garden", "0 mary went to the kitchen",
    ]  # fmt: skip
    assert np.isnan(first[0]).all(), "it was not told yet"
    assert first[-1].tolist() == [0.75, 0, 0, 0]
    assert second.tolist() == [[0.5, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert (
        figure.axes[1].get_title(loc="left")
        == f"where is mary?\n{task.vocabulary.answers[3]}, 100%"
    )
    with pytest.raises(TraceError, match="should be from 0 to 2"):
        figures.draw(trace, "hops", at=[3])
    with pytest.raises(TraceError, match="a model with a vocabulary"):
        figures.draw(Trace({"model": "m"}, arrays), "hops")
