"""Runs one chunk of a batch on the engine, measures it and reports it."""

import logging

from service.engines import Engine
from service.scheduling.chunk import advance, choose_steps
from service.scheduling.events import Chunk
from service.scheduling.limits import Instruments
from service.scheduling.rate import RateEstimate
from service.scheduling.sequence import Sequence

log = logging.getLogger("ntm.scheduler")


class ChunkRunner:
    """One engine and its instruments; for any thread."""

    def __init__(self, engine: Engine, instruments: Instruments) -> None:
        """Run on an engine."""
        self.engine, self._instruments = engine, instruments

    @property
    def rate(self) -> RateEstimate:
        """The estimate of the engine's speed."""
        return self._instruments.rate

    def run(self, batch: list[Sequence]) -> Exception | None:
        """Run a chunk; an engine's failure belongs to the sequences of the batch."""
        try:
            self._run(batch)
        except Exception as error:
            log.exception("the engine failed")
            return error
        return None

    def _run(self, batch: list[Sequence]) -> None:
        clock = self._instruments.clock
        began, group = clock(), batch[0].group
        before = sum(sequence.position for sequence in batch)
        steps = choose_steps(self.engine, batch, self.rate.seconds_per_step(group))
        advance(self.engine, batch, steps)
        useful = sum(sequence.position for sequence in batch) - before
        seconds = max(clock() - began, 1e-9)
        computed = useful if self.engine.ragged else steps * len(batch)
        self.rate.update(group, computed, useful, seconds)
        self._instruments.report(Chunk(len(batch), computed, useful, seconds))
