"""Where the answers of two runs came from, from tensors that come stretch after stretch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ntm.insight.answers import Heard, Source, most_steps, sources
from ntm.insight.columns import Edits, writes_by_name
from ntm.insight.provenance import WRITTEN
from ntm.signature import SIDES, Signature
from service.contract.encodings import Tensors


@dataclass(frozen=True)
class Answers:
    """Where the answer at every step came from, in each of two runs."""

    heads: list[int]  # the read head of each that carries the answers
    steps: Heard
    sides: list[list[Source]]  # one for every step, of each run
    left_out: int  # later steps, which would be too much work


def needed_for_answers(signature: Signature) -> tuple[str, ...]:
    """The arrays of a trace from which the sources of answers follow."""
    written = signature.written or WRITTEN
    return tuple(dict.fromkeys((*SIDES, *writes_by_name(written), "reads")))


class AnswersOfTwo:
    """Two runs that are held whole, as far as it matters here."""

    def __init__(
        self,
        steps: Heard,
        signatures: Sequence[Signature],
        needs: Sequence[Sequence[str]],
        edits: Sequence[Edits | None],
    ) -> None:
        """Begin with nothing; see `ntm.insight.answers.sources`.

        Args:
            steps: that answer
            signatures, needs, edits: of each run, what it takes and what was changed in it
        """
        self._steps, self._signatures, self._edits = steps, signatures, edits
        self._held: list[dict[str, list[np.ndarray]]] = [
            {name: [] for name in names} for names in needs
        ]

    def take(self, *runs: Tensors) -> None:
        """The next stretch of both."""
        for held, tensors in zip(self._held, runs, strict=True):
            for name, parts in held.items():
                parts.append(tensors[name])

    def finish(self) -> Answers:
        """Where all answers came from, or the first of a long run."""
        runs = [{n: np.concatenate(parts) for n, parts in held.items()} for held in self._held]
        most = min(most_steps(run) for run in runs)
        steps = dict(list(self._steps.items())[:most])
        told = [
            sources(
                run,
                steps,
                written=signature.written or WRITTEN,
                reads_see=signature.reads_see,
                edits=edits,
            )
            for run, signature, edits in zip(runs, self._signatures, self._edits, strict=True)
        ]
        left_out = len(self._steps) - len(steps)
        return Answers([head for head, _ in told], steps, [side for _, side in told], left_out)
