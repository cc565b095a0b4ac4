"""Updates a second, and the time to a copy without a wrong bit: python benchmarks/training.py

Our trainer, eager and under torch.compile, beside a plain loop as other projects have it
(plain_ntm.py), in turns on the same batches.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import results
import torch
from plain_ntm import PlainNTM
from torch import Tensor, nn

from ntm.tasks import Copy, Episode
from ntm.training.loop import Trainer
from ntm.training.loss import answer_loss
from ntm.training.recipes import RECIPES

HEADING = "## Training"
BATCHES = (16, 64, 256)
LENGTH = 20  # vectors of a timed sequence, 42 steps
EVERY = 25  # updates between looks at the wrong bits
HELD_OUT = 100  # sequences, of `LENGTH`
IN_A_ROW = 3  # looks without a wrong bit, so that luck does not count
LIMIT = 10_000  # updates

Update = Callable[[Episode], object]


class Plain:
    """The plain loop with the optimizer, rate and clipping of our recipe."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = PlainNTM(Copy().input_size, Copy().output_size)
        recipe = RECIPES["copy"]
        self._clip = recipe.clip_norm
        self._optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.learning_rate)

    def update(self, episode: Episode) -> None:
        """One gradient step."""
        logits = self.model(torch.from_numpy(episode.inputs))
        loss = answer_loss(logits, torch.from_numpy(episode.targets))
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self._clip)
        self._optimizer.step()

    def logits(self, inputs: Tensor) -> Tensor:
        """Answers before their activation."""
        return self.model(inputs)


class Ours:
    """`ntm train copy`, without files."""

    def __init__(self, seed: int, compiled: bool, slots: tuple[int, int] | None) -> None:
        recipe = RECIPES["copy"].model_copy(update={"compile": compiled, "memory_slots": slots})
        self._trainer = Trainer(recipe, seed, Path(tempfile.gettempdir()) / "nothing-to-resume")
        self.update: Update = self._trainer.update

    def logits(self, inputs: Tensor) -> Tensor:
        """Answers before their activation."""
        return self._trainer.model.logits(inputs)


MAKERS: dict[str, Callable[[int], Plain | Ours]] = {
    "plain loop": Plain,
    "ours, eager": lambda seed: Ours(seed, compiled=False, slots=None),
    "ours, torch.compile": lambda seed: Ours(seed, compiled=True, slots=None),
}
# As the recipe has it: 20 to 40 slots, drawn for every batch. A graph for each would be compiled.
RECIPE = "ours, as `ntm train copy`"
LEARNERS = {
    "plain loop": Plain,
    "ours, eager": MAKERS["ours, eager"],
    RECIPE: lambda seed: Ours(seed, compiled=False, slots=RECIPES["copy"].memory_slots),
}


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    batches = ",".join(map(str, BATCHES))
    parser.add_argument("--batches", default=batches, help=f"sizes, a comma list [{batches}]")
    parser.add_argument("--repeats", type=int, default=5, help="turns of everything timed")
    parser.add_argument("--updates", type=int, default=5, help="of one turn")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of PyTorch")
    parser.add_argument("--seeds", type=int, default=3, help="trained to 0 wrong bits; 0 for none")
    parser.add_argument("--limit", type=int, default=LIMIT, help="updates until one is given up")
    parser.add_argument("--no-write", action="store_true", help="leave the results as they are")
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": results.processor(),
        "torch": torch.__version__,
        "threads": told.threads,
        "repeats": told.repeats,
        "updates": told.updates,
        "limit": told.limit,
        "rates": [
            row
            for batch in map(int, told.batches.split(","))
            for row in rates(batch, told.repeats, told.updates)
        ],
        "learned": [
            {"who": who, "seed": seed, **learn(make(seed), seed, told.limit)}
            for seed in range(1, told.seeds + 1)
            for who, make in LEARNERS.items()
        ],
    }
    section = "\n".join([HEADING, "", *report(found)])
    print(section)
    if not told.no_write:
        results.keep("training", found)
        results.write(HEADING, section)


def rates(batch: int, repeats: int, updates: int) -> list[dict]:
    """Updates a second of each, in every turn."""
    print(f"batches of {batch}", flush=True)
    rng = np.random.default_rng(0)
    episodes = [Copy().sample(rng, batch, length=LENGTH) for _ in range(updates)]
    makes = {who: make(0) for who, make in MAKERS.items()}
    first = {who: timed(one.update, episodes[:1]) for who, one in makes.items()}
    seconds: dict[str, list[float]] = {who: [] for who in makes}
    for _ in range(repeats):
        for who, one in makes.items():
            seconds[who].append(timed(one.update, episodes))
    return [
        {"who": who, "batch": batch, "first": first[who], "rates": [updates / s for s in all_]}
        for who, all_ in seconds.items()
    ]


def timed(update: Update, episodes: list[Episode]) -> float:
    """Seconds of so many updates."""
    started = time.perf_counter()
    for episode in episodes:
        update(episode)
    return time.perf_counter() - started


def learn(learner: Plain | Ours, seed: int, limit: int) -> dict[str, float | int | None]:
    """Train on 1 to 20 vectors until no held-out copy of 20 has a wrong bit.

    Returns:
        seconds spent in training, looks not counted, and updates; wrong bits of the last look
    """
    task, rng = Copy(), np.random.default_rng(seed)
    held_out = task.sample(np.random.default_rng(1234), HELD_OUT, length=LENGTH)
    seconds, right, wrong = 0.0, 0, 0
    for update in range(1, limit + 1):
        episode = task.sample(rng, 16, **task.training_sizes(rng, 0))
        seconds += timed(learner.update, [episode])
        if update % EVERY:
            continue
        with torch.inference_mode():
            said = learner.logits(torch.from_numpy(held_out.inputs)).numpy() > 0
        matters = ~np.isnan(held_out.targets)
        wrong = int((said != (held_out.targets > 0.5))[matters].sum())
        right = right + 1 if wrong == 0 else 0
        if right == 1:
            first = {"seconds": seconds, "updates": update}
        if right == IN_A_ROW:
            print(f"no wrong bit after {first}", flush=True)
            return {**first, "wrong": 0}
    print(f"{wrong} wrong bits after {limit} updates", flush=True)
    return {"seconds": None, "updates": None, "wrong": wrong}


def report(found: dict) -> list[str]:
    """All of it as Markdown."""
    plain = {
        row["batch"]: statistics.median(row["rates"])
        for row in found["rates"]
        if row["who"] == "plain loop"
    }
    rows = []
    for row in found["rates"]:
        middle = statistics.median(row["rates"])
        spread = f"{min(row['rates']):.2f} to {max(row['rates']):.2f}"
        gain, first = middle / plain[row["batch"]], f"{row['first']:.1f}"
        rows.append([row["who"], str(row["batch"]), f"{middle:.2f}", spread])
        rows[-1] += [f"{middle * row['batch']:.0f}", f"{gain:.2f}", first]
    header = ["loop", "batch", "updates/s", "spread", "sequences/s", "this / plain"]
    lines = [
        f"`python benchmarks/training.py`, {found['date']}: {found['processor']}, torch "
        f"{found['torch']}, {found['threads']} threads; the copy model of the paper (LSTM 100, "
        f"memory 128 x 20), batches of copies of {LENGTH}; {found['repeats']} turns of "
        f"{found['updates']} updates each, medians. `plain loop` is benchmarks/plain_ntm.py.",
        "",
        *results.table([*header, "first update, s"], rows),
    ]
    if not found["learned"]:
        return lines
    learned = [
        [one["who"], str(one["seed"])]
        + (
            [f"{one['seconds']:.0f}", str(one["updates"])]
            if one["seconds"] is not None
            else [f"{one['wrong']} wrong bits left", f"{found['limit']}"]
        )
        for one in found["learned"]
    ]
    return [
        *lines,
        "",
        f"To no wrong bit in {HELD_OUT} held-out copies of {LENGTH} ({IN_A_ROW} looks in a row, "
        f"every {EVERY} updates), trained in batches of 16 on 1 to 20 vectors with the optimizer "
        f"and rate of the recipe; seconds of training alone.",
        "",
        *results.table(["loop", "seed", "seconds", "updates"], learned),
    ]


if __name__ == "__main__":
    main()
