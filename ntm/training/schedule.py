"""When to make the task harder and when to lower the learning rate. Pure functions of counts."""

import math
from dataclasses import dataclass, field

from ntm.training.recipe import Recipe

WINDOW = 50  # updates over which the error must stay low, and that a level lasts at least


@dataclass
class Progress:
    """Where a training stands; saved with it."""

    update: int = 0
    sequences: int = 0
    level: int = 1
    level_since: int = 0
    decay_since: int | None = None
    polish_since: int | None = None
    error: float = math.nan  # running average of the error a sequence
    task_errors: dict[str, float] = field(default_factory=dict)  # the same of each bAbI task
    best_error: float = math.inf  # of all validations
    best_update: int = 0
    stale: int = 0  # validations since the best
    stopped: bool = False  # for lack of a better one

    def observe(self, error: float) -> None:
        """Take one batch's mean error into the running average."""
        known = min(self.update - self.level_since, WINDOW)
        weight = 1 / (known + 1)
        self.error = error if known == 0 else self.error + weight * (error - self.error)

    def improve(self, error: float) -> bool:
        """Take the error of a validation; whether it is the lowest so far."""
        if error < self.best_error:
            self.best_error, self.best_update, self.stale = error, self.update, 0
            return True
        self.stale += 1
        return False

    def climb(self, mastery: float, levels: int) -> None:
        """Go one level up once this one is learnt."""
        settled = self.update - self.level_since >= WINDOW
        if self.level < levels and settled and self.error <= mastery:
            self.level += 1
            self.level_since = self.update


def decay_length(recipe: Recipe) -> int:
    """Updates that the learning rate takes to fall."""
    return min(recipe.decay_updates or recipe.updates, recipe.updates)


def start_decay(progress: Progress, recipe: Recipe, levels: int) -> None:
    """Begin the decay at the last level, or when just enough updates are left for it."""
    out_of_time = progress.update >= recipe.updates - decay_length(recipe)
    if progress.decay_since is None and (progress.level == levels or out_of_time):
        progress.decay_since = progress.update


def learning_rate(progress: Progress, recipe: Recipe) -> float:
    """The rate for the next update."""
    if recipe.polish is not None and progress.polish_since is not None:
        done = (progress.update - progress.polish_since) / recipe.polish.updates
        return cosine(recipe.polish.learning_rate, done)
    rate = recipe.learning_rate * min(1.0, (progress.update + 1) / max(1, recipe.warm_up))
    if recipe.decay == "none" or progress.decay_since is None:
        return rate
    done = (progress.update - progress.decay_since) / decay_length(recipe)
    return cosine(rate, done)


def cosine(rate: float, done: float) -> float:
    """A rate that has fallen for this share of its way to 0."""
    return rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def taught(progress: Progress, recipe: Recipe) -> bool:
    """True when the decay has run its course or all updates before a polish are spent."""
    decayed = (
        progress.decay_since is not None
        and progress.update - progress.decay_since >= decay_length(recipe)
    )
    return decayed or progress.update >= recipe.updates


def starts_polish(progress: Progress, recipe: Recipe) -> bool:
    """True when what is left is the polish, and it has not begun."""
    waits = recipe.polish is not None and progress.polish_since is None
    return waits and taught(progress, recipe)


def finished(progress: Progress, recipe: Recipe) -> bool:
    """True when nothing is left to do."""
    if progress.stopped:
        return True
    if recipe.polish is None:
        return taught(progress, recipe)
    since = progress.polish_since
    return since is not None and progress.update - since >= recipe.polish.updates


def updates_of(recipe: Recipe) -> int:
    """At most so many, with the polish."""
    return recipe.updates + (recipe.polish.updates if recipe.polish else 0)
