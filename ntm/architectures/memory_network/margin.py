"""Which sentences an answer owes its margin to: its score as a sum of the question and of reads.

The internal state is a sum of the question and of what every hop read of every sentence, each
mapped by the hops that follow (Eq. 4). With the attention as it was, that is exact, also where
half of the state is rectified: what passed a rectifier passed it whole, and what did not, not.
What it does not tell is how the attention itself came about: a sentence may owe its weight to
another one that an earlier hop read.
"""

from collections.abc import Mapping

import numpy as np

from ntm.architectures.margin import Array, Margin, NoAnswer, Owed, two_best
from ntm.architectures.memory_network.config import MemoryNetworkConfig
from ntm.architectures.memory_network.encoding import QUESTION

SMALLEST = 1e-30  # of a probability, whose logarithm is taken


class MarginOf:
    """Splits the margin of a memory network's answer; NumPy only."""

    fields = ("outputs", "memory", "read_weightings", "addressing.read.query")

    def asked_at(self, config: MemoryNetworkConfig, inputs: Array, step: int) -> int:
        """The step of the question that the output of a step answers.

        Args:
            config: of the model
            inputs: [T, input_size]
            step: t
        Raises:
            NoAnswer: nothing was asked, or the story went on since
        """
        asked = np.flatnonzero(inputs[: step + 1, -1] > QUESTION)
        if not len(asked):
            raise NoAnswer(f"step {step} answers nothing: no question was asked before")
        question = int(asked[-1])
        if np.abs(inputs[question + 1 : step + 1]).any():
            raise NoAnswer(f"step {step} answers nothing: the story went on since the question")
        return question

    def heard(self, inputs: Array) -> int:
        """How many sentences some inputs [T, input_size] have."""
        spoken = np.abs(inputs[:, :-1]).max(axis=1) > 0
        return int((spoken & (inputs[:, -1] <= QUESTION)).sum())

    def steps_needed(self, config: MemoryNetworkConfig) -> int:
        """How many steps from the question's on are needed whole: its own and the hops'."""
        return config.hops + 1

    def __call__(
        self,
        config: MemoryNetworkConfig,
        weights: Mapping[str, Array],
        run: Mapping[str, Array],
        heard: int,
    ) -> Margin:
        """Split the margin of the last of the steps from a question on.

        Args:
            config: of the model
            weights: its parameters by name
            run: `fields` of the question's step and the hops', [K + 1, ...] each, with one head;
                `outputs` end with the answer's
            heard: sentences before the question
        """
        best, next_best = two_best(run["outputs"][-1])
        hops = min(len(run["read_weightings"]) - 1, config.hops)
        states = np.asarray(run["addressing.read.query"], np.float64)[: hops + 1, 0]
        maps = [self._map(config, weights, hop) for hop in range(hops)]
        read = [self._read(config, weights, run, hop, heard) for hop in range(hops)]
        passed, internal = [], states[0]
        for hop in range(hops):
            before = maps[hop] @ internal + read[hop].sum(axis=0)
            passed.append(self._passed(config, before))
            internal = before * passed[hop]
        rows = np.asarray(weights["output.weight"], np.float64)
        bias = np.asarray(weights["output.bias"], np.float64)
        towards = rows[best] - rows[next_best]
        by_hop = np.zeros((hops, run["memory"].shape[1]))
        for hop in reversed(range(hops)):
            towards = towards * passed[hop]
            by_hop[hop] = read[hop] @ towards
            towards = maps[hop].T @ towards
        owed = [
            Owed("slot", int(slot), float(by_hop[:, slot].sum()), tuple(by_hop[:, slot].tolist()))
            for slot in np.flatnonzero(by_hop.any(axis=0))
        ]
        owed.append(Owed("question", None, float(towards @ states[0]), ()))
        owed.append(Owed("bias", None, float(bias[best] - bias[next_best]), ()))
        margin = sum(part.share for part in owed)
        chances = np.maximum(np.asarray(run["outputs"][-1], np.float64), SMALLEST)
        recorded = np.log(chances[best]) - np.log(chances[next_best])
        parts = tuple(sorted(owed, key=lambda part: -abs(part.share)))
        error = abs(float(recorded) - margin)
        return Margin(best, next_best, margin, error, parts)

    def _read(
        self,
        config: MemoryNetworkConfig,
        weights: Mapping[str, Array],
        run: Mapping[str, Array],
        hop: int,
        heard: int,
    ) -> Array:
        """p_i c_i of every slot in a hop, [N, d]."""
        memory = np.asarray(run["memory"][hop + 1], np.float64)
        slots = np.arange(len(memory))
        since = np.maximum(heard - 1 - slots, 0) % len(memory)
        ages = np.asarray(weights["age"], np.float64)[np.minimum(since, config.ages - 1)]
        place = hop + 1 if config.tying == "adjacent" else 1
        columns = slice(place * config.d, (place + 1) * config.d)
        attention = np.asarray(run["read_weightings"][hop + 1, 0], np.float64)
        return np.asarray(attention[:, None] * (memory + ages)[:, columns])

    def _map(self, config: MemoryNetworkConfig, weights: Mapping[str, Array], hop: int) -> Array:
        """H of a hop, [d, d]; the identity where there is none."""
        if not config.maps:
            return np.eye(config.d)
        return np.asarray(weights["map"][min(hop, config.maps - 1)], np.float64)

    def _passed(self, config: MemoryNetworkConfig, internal: Array) -> Array:
        """1 where a number passes the rectifier after a hop, else 0: [d]."""
        passed = np.ones(config.d)
        if config.half_relu:
            half = (config.d + 1) // 2
            passed[half:] = internal[half:] > 0
        return passed
