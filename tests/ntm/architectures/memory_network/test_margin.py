"""An answer's margin as a sum over sentences, against runs in which a sentence says nothing."""

from typing import Any

import numpy as np
import pytest
import torch

from ntm.architectures.margin import Margin, NoAnswer, Owed
from ntm.architectures.memory_network.margin import MarginOf
from ntm.architectures.memory_network.model import MemoryNetwork
from ntm.insight.answering import of_answer

WORDS, SENTENCES = 7, 5
SPLIT = MarginOf()
WIRINGS: list[dict[str, Any]] = [
    {},
    {"tying": "layer-wise"},
    {"hop_maps": True, "half_relu": True, "encoding": "learned"},
]


def story(rng: np.random.Generator, hops: int) -> torch.Tensor:
    rows = np.zeros((SENTENCES + 1 + hops, 2 * WORDS + 1), np.float32)
    for row in rows[: SENTENCES + 1]:
        words = rng.integers(WORDS, size=4)
        np.add.at(row, words, 1)
        np.add.at(row[WORDS:], words, np.arange(1, 5) / 4)
    rows[SENTENCES, -1] = 1
    return torch.from_numpy(rows)


def run_of(model: MemoryNetwork, rows: torch.Tensor, slots: int, edits: Any = None) -> Any:
    """What a trace tells of the steps from the question on, and the last step's scores."""
    state, run, scores = model.initial_state(1, slots), [], torch.zeros(1)
    for step, x in enumerate(rows):
        pin = edits(step) if edits else (lambda name, value: value)
        scores, state, stages = model.step(x[None], state, pin)
        run.append((model.activate(scores), stages["memory"], stages["attention"], stages["query"]))
    columns = [torch.stack(column)[SENTENCES:, 0].numpy() for column in zip(*run, strict=True)]
    return dict(zip(SPLIT.fields, columns, strict=True)), scores[0].numpy()


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("slots", [8, 4])
def test_parts_sum_to_the_margin_and_are_what_a_sentence_gave(
    wiring: dict[str, Any], slots: int
) -> None:
    torch.manual_seed(2)
    model = MemoryNetwork(input_size=15, output_size=6, d=9, hops=3, ages=4, **wiring).double()
    with torch.no_grad():
        model.embedding.mul_(5)
        rows = story(np.random.default_rng(1), 3).double()
        run, scores = run_of(model, rows, slots)
        weights = {name: value.numpy() for name, value in model.state_dict().items()}
        told = SPLIT(model.config, weights, run, SENTENCES)
        order = np.argsort(-scores)
        assert [told.answer, told.runner_up] == order[:2].tolist()
        assert told.margin == pytest.approx(scores[order[0]] - scores[order[1]], abs=1e-9)
        assert told.error < 1e-9
        assert sum(part.share for part in told.parts) == pytest.approx(told.margin, abs=1e-12)
        assert {part.kind for part in told.parts} == {"slot", "question", "bias"}
        last = run["read_weightings"][-1]

        def without(slot: int) -> Any:  # the last hop looks past a slot
            def edits(step: int) -> Any:
                def pin(name: str, value: torch.Tensor) -> torch.Tensor:
                    if name != "attention" or step != len(rows) - 1:
                        return value
                    changed = torch.from_numpy(last.copy())[None]
                    changed[..., slot] = 0
                    return changed

                return pin

            return edits

        if model.config.half_relu:
            return  # a rectifier may open or shut without it
        for part in told.parts:
            if part.slot is not None:
                _, changed = run_of(model, rows, slots, without(part.slot))
                lost = told.margin - (changed[told.answer] - changed[told.runner_up])
                assert part.by_hop[-1] == pytest.approx(lost, abs=1e-9)


def test_a_step_that_answers_nothing_is_refused() -> None:
    rows = story(np.random.default_rng(1), 3).numpy()
    config: Any = None
    assert SPLIT.asked_at(config, rows, SENTENCES + 2) == SENTENCES
    assert SPLIT.heard(rows[:SENTENCES]) == SENTENCES
    with pytest.raises(NoAnswer, match="no question"):
        SPLIT.asked_at(config, rows, 2)
    with pytest.raises(NoAnswer, match="went on"):
        SPLIT.asked_at(config, np.concatenate([rows, rows[:1]]), len(rows))


def test_an_answer_is_odd_where_it_rests_on_nothing_told_or_on_the_wrong_sentence() -> None:
    def margin(*shares: float) -> Margin:
        slots = [Owed("slot", slot, share, (share,)) for slot, share in enumerate(shares)]
        rest = Owed("question", None, 2.0, ()), Owed("bias", None, 0.5, ())
        return Margin(0, 1, 2.5 + sum(shares), 0.0, (*slots, *rest))

    attention = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    assert of_answer(margin(3.0, -1.0), attention, [0, 1]) == []
    (ignored,) = of_answer(margin(-1.0, 0.5), attention)
    assert (ignored.slug, ignored.value) == ("answer_without_story", -0.5)
    (wrong,) = of_answer(margin(1.0, 4.0), attention, [0])
    assert (wrong.slug, wrong.slot, wrong.value) == ("answer_from_another_sentence", 1, 4.0)
    (unseen,) = of_answer(margin(1.0, 4.0), attention[:1], [1])
    assert (unseen.slug, unseen.slot) == ("fact_not_looked_at", 1)
