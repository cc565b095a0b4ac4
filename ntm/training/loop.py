"""The training loop: one seed of one recipe, resumable at any update."""

import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from ntm import seeds
from ntm.architectures import catalogue
from ntm.architectures.lstm.model import LSTM
from ntm.repository import checkpoint
from ntm.repository.folders import RepositoryError, VersionFolder, digest
from ntm.tasks import Episode, Task
from ntm.tasks.base import Output
from ntm.training import resume
from ntm.training.callbacks import Callback, Update
from ntm.training.compiled import CompiledLogits, can_compile
from ntm.training.loss import Divergence, answer_loss, check_loss, check_output, check_targets
from ntm.training.recipe import Recipe, Start
from ntm.training.report import Display, Log
from ntm.training.rewriting import Rewritten
from ntm.training.schedule import (
    Progress,
    finished,
    learning_rate,
    start_decay,
    starts_polish,
    updates_of,
)
from ntm.training.validation import Validation

SECONDS_BETWEEN_SAVES = 20.0
STATE_FILE = "state.safetensors"


class Interrupted(Exception):
    """The training was asked to stop; its state is saved."""


def make_optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """Adam, AdamW, or RMSProp in Graves' form (centred, momentum 0.9)."""
    if recipe.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(
            model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
    return torch.optim.RMSprop(
        model.parameters(),
        lr=recipe.learning_rate,
        alpha=0.95,
        eps=1e-4,
        momentum=0.9,
        centered=True,
    )


def make_model(recipe: Recipe) -> Any:
    """What the recipe trains, with fresh parameters: a `Model`, or the baseline.

    Raises:
        ValueError: the recipe asks for stronger keys, which this architecture does not offer
    """
    if recipe.baseline == "lstm":
        task = recipe.make_task()
        return LSTM(input_size=task.input_size, output_size=task.output_size)
    config = recipe.make_config()
    model = catalogue.of(config).model_class(config)
    if recipe.key_strength_bias:
        if not hasattr(model, "strengthen_keys"):
            raise ValueError(f"{recipe.architecture} has no key_strength_bias")
        model.strengthen_keys(recipe.key_strength_bias)
    return model


def started_weights(told: Start, version: VersionFolder | None) -> dict[str, Tensor]:
    """The weights of the saved model that a training goes on from.

    Raises:
        RepositoryError: it is not there, or is another than the recipe names
    """
    name = f"{told.model}/{told.version}"
    if version is None:
        raise RepositoryError(f"the training goes on from {name}, which is not given")
    if digest(version.checkpoint) != told.checkpoint_sha256:
        raise RepositoryError(f"{version.checkpoint} is not the one that {name} was, by SHA-256")
    weights: dict[str, Tensor] = checkpoint.load(version).state_dict()
    return weights


@dataclass(frozen=True)
class Terms:
    """What a training is told beside its recipe: nothing of it changes the result on one device."""

    device: str | torch.device = "cpu"
    callbacks: tuple[Callback, ...] = ()
    start: VersionFolder | None = None  # the saved model to go on from, where the recipe names one


class Trainer:
    """One seed of a recipe in a folder of its own."""

    def __init__(self, recipe: Recipe, seed: int, folder: Path, terms: Terms | None = None) -> None:
        """A fresh training, or one that goes on from the state in its folder.

        Args:
            recipe: how to train
            seed: of parameters and batches
            folder: where its state and log lie
            terms: where it computes, what it calls, what it goes on from
        Raises:
            RepositoryError: the state or the saved model is damaged, or is another
        """
        self.recipe, self.seed, self.folder = recipe, seed, folder
        self.task: Task = recipe.make_task()
        self.practised = self.task  # what batches are drawn from
        torch.manual_seed(seed)
        terms = terms or Terms()
        self.device = torch.device(terms.device)
        self.callbacks = terms.callbacks
        self.model = make_model(recipe).to(self.device)
        self.output: Output = self.model.config.output
        check_output(self.task, self.output)
        check_loss(self.output, recipe.loss)
        self.divergence = Divergence()
        self.optimizer = make_optimizer(recipe, self.model)
        self.rng = seeds.generator("training", seed)
        self.progress = Progress()
        self._stop = threading.Event()
        self.validation = Validation(recipe, self.task, seed, folder)
        state = folder / STATE_FILE
        if recipe.start is not None and not state.exists():
            self.model.load_state_dict(started_weights(recipe.start, terms.start))
        if state.exists():
            self.progress = resume.load(state, recipe, self.model, self.optimizer, self.rng)
        self.logits: Callable[[Tensor, int | None], Tensor] = self.model.logits
        if recipe.compile and not recipe.baseline:
            if can_compile():
                self.logits = CompiledLogits(self.model)
            else:
                warnings.warn("no C compiler found: training without torch.compile", stacklevel=2)
        if self.progress.polish_since is not None:
            self._polish()

    def update(self, episode: Episode) -> tuple[float, float, float]:
        """One gradient step; returns the loss, the rate and the gradient's norm."""
        rate = learning_rate(self.progress, self.recipe)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        inputs, targets = (
            torch.from_numpy(array).to(self.device) for array in (episode.inputs, episode.targets)
        )
        check_targets(targets, self.output, self.recipe.loss)
        if self.model.is_taught:
            logits = self.model.taught_logits(inputs, targets, self.rng)
        else:
            slots = self.draw_slots()
            logits = self.logits(inputs, None if self.recipe.baseline else slots)
        loss = answer_loss(logits, targets, self.output, self.recipe.loss)
        if isinstance(self.logits, Rewritten):
            loss = loss + self.logits.charge
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
        outputs = self.model.activate(logits.detach()).cpu().numpy()
        self.progress.observe(float(self.task.error(outputs, episode.targets).mean()))
        self.progress.update += 1
        self.progress.sequences += episode.inputs.shape[1]
        return loss.item(), rate, norm.item()

    def step(self) -> tuple[float, float, float]:
        """The next batch and one gradient step on it, as `update`."""
        return self.update(self.draw())

    def draw(self) -> Episode:
        """The next batch."""
        polishes = self.progress.polish_since is not None
        level = self.practised.levels if polishes else self.progress.level
        return self.practised.practise(self.rng, self.recipe.batch_size, level)

    def draw_slots(self) -> int | None:
        """How many memory slots a batch gets; None is the model's own number."""
        slots, polish = self.recipe.memory_slots, self.recipe.polish
        if polish is not None and polish.memory_slots and self.progress.polish_since is not None:
            slots = polish.memory_slots
        if slots is None:
            return None
        fewest, most = slots
        return int(self.rng.integers(fewest, most + 1))

    def begin_polish(self) -> None:
        """From now on the recipe's polish holds; the optimizer starts afresh."""
        self.progress.polish_since = self.progress.update
        self.optimizer = make_optimizer(self.recipe, self.model)
        self._polish()

    def _polish(self) -> None:
        self.practised = self.recipe.make_polish_task()
        polish = self.recipe.polish
        if polish is not None and polish.rewriting and not self.recipe.baseline:
            self.logits = Rewritten(self.model, polish.rewriting)

    def run(self) -> None:
        """Train to the end, saving now and then.

        Raises:
            Interrupted: on Ctrl-C or SIGTERM, once the state is saved
            TrainingError: it diverged; the last state that had not is what is saved
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        recipe, progress, task = self.recipe, self.progress, self.task
        title = f"{recipe.task} seed {self.seed}"
        self._saved = time.monotonic()
        with ExitStack() as stack:
            stack.enter_context(self._stopping_on_signals())
            total = updates_of(recipe)
            display = stack.enter_context(Display(title, task.unit, total, progress.update))
            log = Log(self.folder / "log.csv", progress.update)
            stack.callback(log.close)
            for callback in self.callbacks:
                stack.callback(callback.on_end, self)
                callback.on_start(self)
            start_decay(progress, recipe, task.levels)
            loss = 0.0
            while not finished(progress, recipe):
                loss, rate, norm = self.step()
                self.divergence.observe(loss)
                progress.climb(task.mastery(progress.level), task.levels)
                start_decay(progress, recipe, task.levels)
                if starts_polish(progress, recipe):
                    self.begin_polish()
                log.write(progress, loss, rate, norm, self._validate())
                display.show(progress, loss, rate, task.levels)
                for callback in self.callbacks:
                    callback.on_update(self, Update(loss, rate, norm))
                self._keep(loss)
        self.divergence.refuse(loss)
        self.save()
        self.validation.restore(self.model)
        self.model.to("cpu")

    def stop(self) -> None:
        """End the training after this update; the same training can go on later."""
        self._stop.set()

    def _validate(self) -> float | None:
        """The error of a validation, if one is due."""
        if not self.validation.is_due(self.progress):
            return None
        found = self.validation.measure(self.model, self.progress)
        for callback in self.callbacks:
            callback.on_validation(self, found)
        return found.mean

    def _keep(self, loss: float) -> None:
        """Save the state now and then, and at checkpoints that are kept.

        Raises:
            Interrupted: the training is to stop
            TrainingError: it is to stop, and its loss has exploded
        """
        update, every = self.progress.update, self.recipe.save_every
        if self._stop.is_set():
            self.divergence.refuse(loss)
            self.save()
            raise Interrupted
        if every is not None and update % every == 0 and not self.divergence.updates:
            kept = self.folder / "checkpoints"
            kept.mkdir(exist_ok=True)
            self.save(kept / f"update-{update}.safetensors")
        lately = time.monotonic() - self._saved <= SECONDS_BETWEEN_SAVES
        if not lately and not self.divergence.updates:
            self.save()
            self._saved = time.monotonic()

    def save(self, path: Path | None = None) -> None:
        """Write the state to resume from, or a checkpoint that is the same elsewhere."""
        resume.save(
            path or self.folder / STATE_FILE,
            self.recipe,
            self.model,
            self.optimizer,
            self.rng,
            self.progress,
        )

    @contextmanager
    def _stopping_on_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: FrameType | None) -> None:
            self._stop.set()

        before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
