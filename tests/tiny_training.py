"""A recipe that trains in seconds; `python -m tests.tiny_training` is `ntm` with it."""

from ntm.cli import main
from ntm.recipes import RECIPES, Recipe, Setting

TINY = Recipe(
    task="copy",
    task_fields={"bits": 2, "max_length": 3},
    model={"controller_size": 6, "N": 6, "M": 3},
    learning_rate=3e-3,
    batch_size=2,
    updates=120,
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
    main()


if __name__ == "__main__":
    run()
