"""A recipe that trains in seconds; `python -m tests.tiny_training` is `ntm` with it.

With a number before the command, the training waits after so many updates to be stopped.
"""

import sys
import time
from typing import Any

from ntm.cli import main
from ntm.training.recipes import RECIPES, Recipe, Setting

TINY = Recipe(
    task="copy",
    task_fields={"bits": 2, "max_length": 3},
    model={"controller_size": 6, "N": 6, "M": 3},
    learning_rate=3e-3,
    batch_size=2,
    updates=100,
    selection=(Setting(sizes={"length": 4}, sequences=8),),
    evaluation=(
        Setting(sizes={"length": 2}, sequences=4),
        Setting(sizes={"length": 5}, memory_slots=9, sequences=4),
    ),
)


def run() -> None:
    """The command line with the recipe `tiny`, saving its state after every update."""
    from ntm.training import loop

    RECIPES["tiny"] = TINY
    loop.SECONDS_BETWEEN_SAVES = 0.0
    if sys.argv[1].isdigit():
        hold(int(sys.argv.pop(1)))
    main()


def hold(at: int) -> None:
    """Let every training wait for a signal after its update `at`."""
    from ntm.training.loop import Trainer

    update = Trainer.update

    def update_and_wait(self: Trainer, episode: Any) -> tuple[float, float, float]:
        done = update(self, episode)
        while self.progress.update == at and not self._stop.is_set():
            time.sleep(0.01)
        return done

    Trainer.update = update_and_wait  # type: ignore[method-assign]


if __name__ == "__main__":
    run()
