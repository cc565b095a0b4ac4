"""What a training tells: a progress bar or plain lines for people, a CSV file for programs."""

import csv
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm import tqdm

from ntm.training.schedule import Progress

COLUMNS = (
    "update",
    "sequences",
    "level",
    "loss",
    "error",
    "learning_rate",
    "gradient_norm",
    "validation",
)
SECONDS_BETWEEN_LINES = 5.0


class Log:
    """`log.csv`, one line every `every` updates; on resume, lines past the state are dropped."""

    def __init__(self, path: Path, resumed_at: int, every: int = 20) -> None:
        self._every = every
        kept = []
        if path.exists() and resumed_at:
            with path.open(newline="", encoding="utf-8") as file:
                kept = [row for row in csv.DictReader(file) if int(row["update"]) <= resumed_at]
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._file, COLUMNS)
        self._writer.writeheader()
        self._writer.writerows(kept)
        self._file.flush()  # a kill before the next line must not lose the kept ones

    def write(
        self,
        progress: Progress,
        loss: float,
        rate: float,
        gradient_norm: float,
        validation: float | None = None,
    ) -> None:
        """Add the update that has just been made; one with a validation is always told."""
        if progress.update % self._every and validation is None:
            return
        self._writer.writerow(
            {
                "update": progress.update,
                "sequences": progress.sequences,
                "level": progress.level,
                "loss": f"{loss:.6g}",
                "error": f"{progress.error:.6g}",
                "learning_rate": f"{rate:.6g}",
                "gradient_norm": f"{gradient_norm:.6g}",
                "validation": "" if validation is None else f"{validation:.6g}",
            }
        )
        self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class Display:
    """A bar on a terminal, a plain line every few seconds anywhere else."""

    def __init__(
        self,
        title: str,
        unit: str,
        total: int,
        done: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title, self._unit, self._total, self._clock = title, unit, total, clock
        self._started, self._first, self._spoke = clock(), done, 0.0
        self._interactive = sys.stderr.isatty()
        self._bar = tqdm(
            total=total, initial=done, desc=title, unit="update", disable=not self._interactive
        )

    def show(self, progress: Progress, loss: float, rate: float, levels: int) -> None:
        """Tell where the training stands."""
        level = f"level {progress.level}/{levels} " if levels > 1 else ""
        told = (
            f"{level}loss {loss:.5f} {progress.error:.2f} {self._unit} a sequence rate {rate:.2e}"
        )
        if self._interactive:
            self._bar.set_postfix_str(told, refresh=False)
            self._bar.update(progress.update - self._bar.n)
            return
        now = self._clock()
        if now - self._spoke < SECONDS_BETWEEN_LINES and progress.update != self._total:
            return
        self._spoke = now
        speed = (progress.update - self._first) / max(now - self._started, 1e-9)
        left = (self._total - progress.update) / max(speed, 1e-9)
        print(
            f"{self._title}: {progress.update}/{self._total} {told} "
            f"{speed:.1f} updates/s, at most {left / 60:.1f} min left",
            file=sys.stderr,
            flush=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
