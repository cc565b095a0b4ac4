"""The backlog: all sequences of a scheduler and their status, from admission to the end.

Threads and event loops share it. Its methods are called with its lock held.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from ntm.signature import Signature
from service.scheduling.admission import Admission
from service.scheduling.limits import Instruments, Limits
from service.scheduling.queue import ReadyQueue
from service.scheduling.sequence import Group, Sequence, Status


class Backlog:
    """Waiting and ready sequences, and the memory that the states of begun ones take."""

    def __init__(self, signature: Signature, limits: Limits, instruments: Instruments) -> None:
        """Without any sequence."""
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)  # threads wait for it
        self.admission = Admission(limits.max_queued_steps, instruments)
        self.waiting = OrderedDict[Sequence, None]()  # a queue that one can leave from the middle
        self.ready = ReadyQueue()
        self._limits, self._clock = limits, instruments.clock
        self._state_bytes = signature.state_bytes

    def add(self, sequence: Sequence) -> None:
        """Take in an admitted sequence.

        Raises:
            StateTooLarge: its state would never have room
        """
        self._limits.budget.refuse_if_beyond("states", self._bytes_of(sequence))
        self.admission.count(sequence, sequence.remaining)
        self.waiting[sequence] = None

    def begin_waiting(self) -> None:
        """Make waiting ones ready, as far as memory for their states goes; one always is."""
        while self.waiting:
            sequence = next(iter(self.waiting))
            if not self._begin(sequence, anyway=not self.ready):
                return
            self._make_ready(sequence)

    def take_waiting(self, sequences: Iterable[Sequence]) -> list[list[Sequence]]:
        """Batches of waiting sequences, which run from now on."""
        chosen = list(sequences)
        for sequence in chosen:
            self._begin(sequence, anyway=True)
        return self._in_batches(chosen)

    def take_again(self, batch: Iterable[Sequence]) -> list[list[Sequence]]:
        """Batches of those that became ready again; their next steps may be of several groups."""
        ready = [sequence for sequence in batch if sequence.status is Status.READY]
        for sequence in ready:
            self.ready.remove(sequence)
        return self._in_batches(ready)

    def pop(self, group: Group) -> Sequence:
        """The first of a group, which runs from now on."""
        sequence = self.ready.pop(group)
        self._run(sequence)
        return sequence

    def put_back(self, batch: Iterable[Sequence], error: Exception | None) -> list[Sequence]:
        """Make a batch ready again, without those that have left; those that are done."""
        done = []
        for sequence in batch:
            ended = error is not None or not sequence.remaining
            if sequence.status is Status.LEFT:
                self._give_back(sequence)
                continue
            self.admission.count(sequence, 0 if ended else sequence.remaining)
            if ended:
                self._give_back(sequence)
                sequence.status = Status.DONE
                done.append(sequence)
            else:
                self._make_ready(sequence)
        return done

    def leave(self, sequence: Sequence) -> None:
        """Free the place of one that nobody waits for any more; nothing to do where it is done."""
        before = sequence.status
        if before in (Status.DONE, Status.LEFT):
            return
        self.admission.count(sequence, 0)
        sequence.status = Status.LEFT
        if before is Status.WAITING:
            del self.waiting[sequence]
        elif before is Status.READY:
            self.ready.remove(sequence)
            self._give_back(sequence)
        # a running one leaves with its chunk

    def _begin(self, sequence: Sequence, *, anyway: bool) -> bool:
        """Let one begin if there is room for its state, or `anyway`; whether it did."""
        size = self._bytes_of(sequence)
        if not self._limits.budget.take_if_room("states", size, anyway=anyway):
            return False
        del self.waiting[sequence]
        return True

    def _give_back(self, sequence: Sequence) -> None:
        self._limits.budget.give_back("states", self._bytes_of(sequence))

    def _make_ready(self, sequence: Sequence) -> None:
        sequence.status = Status.READY
        self.ready.add(sequence)

    def _run(self, sequence: Sequence) -> None:
        sequence.status = Status.RUNNING
        if sequence.started is None:
            sequence.started = self._clock()

    def _in_batches(self, sequences: Iterable[Sequence]) -> list[list[Sequence]]:
        """Running batches of one group each."""
        groups: dict[Group, list[Sequence]] = {}
        for sequence in sequences:
            self._run(sequence)
            groups.setdefault(sequence.group, []).append(sequence)
        most = self._limits.max_batch
        return [b[i : i + most] for b in groups.values() for i in range(0, len(b), most)]

    def _bytes_of(self, sequence: Sequence) -> int:
        return self._state_bytes(sequence.walk.slots)
