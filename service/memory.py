"""Memory accounting: the bytes in flight of everybody together, and how many there may be.

What is counted: bodies that are being read, interventions, states of sequences that have begun,
answers from before they are computed until they have been read. What the interpreter, the models
and the store take is not; by default half of the memory is left to them.
"""

import os
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Literal, NoReturn, get_args

from service.errors import (
    BodyTooLarge,
    InterventionsTooLarge,
    Overloaded,
    ResponseTooLarge,
    ServiceError,
    StateTooLarge,
)

Kind = Literal["bodies", "interventions", "states", "answers"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SHARE = 0.5  # of the memory there is
# files of control groups, version 2 and 1, with the bytes that a container may have
CGROUP_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
CGROUPS = Path("/sys/fs/cgroup")
RETRY_AFTER = 1  # seconds

# What has no room even where nothing else is in flight, and what a client can do then.
BEYOND: dict[Kind, tuple[type[ServiceError], str]] = {
    "bodies": (BodyTooLarge, "send less at a time"),
    "interventions": (InterventionsTooLarge, "change less at a time"),
    "states": (StateTooLarge, "ask for fewer memory slots"),
    "answers": (ResponseTooLarge, "ask for fewer steps or values at a time"),
}


class Budget:
    """Counts bytes in flight, from any thread, and refuses what is too much."""

    def __init__(self, limit: int) -> None:
        """Allow so many bytes in all."""
        self.limit = limit
        self._taken = dict.fromkeys(KINDS, 0)
        self._sum = 0  # of all kinds
        self._lock = threading.Lock()

    def taken(self, kind: Kind) -> int:
        """Bytes in flight of one kind."""
        return self._taken[kind]

    def take(self, kind: Kind, size: int) -> None:
        """Count bytes, before they are allocated; whoever took them gives them back.

        Raises:
            Overloaded: there is no room for so many now
            ServiceError: there will never be; see `refuse_if_beyond`
        """
        if not self.take_if_room(kind, size):
            self.refuse_if_beyond(kind, size)
            self.refuse(kind, size)

    def refuse_if_beyond(self, kind: Kind, size: int, beside: int = 0) -> None:
        """Refuse what would have no room if nothing else were in flight.

        Args:
            kind: of the bytes
            size: how many there would be
            beside: bytes that the same request has taken already
        Raises:
            ServiceError: of BEYOND; to try again is of no use
        """
        if size + beside > self.limit:
            error, advice = BEYOND[kind]
            more = f" beside {beside} of the same request" if beside else ""
            raise error(
                f"{size} bytes of {kind}{more} are more than the {self.limit} that everything in "
                f"flight may take (NTM_MEMORY_BYTES); {advice}"
            )

    def refuse_if_full(self, kind: Kind, size: int) -> None:
        """Refuse what has no room now, without counting it.

        Raises:
            Overloaded
            ServiceError: see `refuse_if_beyond`
        """
        self.refuse_if_beyond(kind, size)
        if self._sum + size > self.limit:
            self.refuse(kind, size)

    def refuse(self, kind: Kind, size: int) -> NoReturn:
        """Say that there is no room for so many bytes.

        Raises:
            Overloaded
        """
        raise Overloaded(
            f"{size} bytes of {kind} are too many beside the {self._sum} that "
            f"are in memory, of {self.limit} allowed; try again in {RETRY_AFTER} s",
            retry_after=RETRY_AFTER,
        )

    def take_if_room(self, kind: Kind, size: int, *, anyway: bool = False) -> bool:
        """Count bytes if there is room for them, or `anyway`; whether they were counted."""
        with self._lock:
            if not anyway and self._sum + size > self.limit:
                return False
            self._taken[kind] += size
            self._sum += size
            return True

    def give_back(self, kind: Kind, size: int) -> None:
        """Count bytes no more."""
        with self._lock:
            self._taken[kind] -= size
            self._sum -= size

    def give_all_back(self, taken: Mapping[Kind, int]) -> None:
        """Count bytes of several kinds no more."""
        with self._lock:
            for kind, size in taken.items():
                self._taken[kind] -= size
                self._sum -= size


COPIES = 2  # of the tensors of an answer: pieces of a walk, and those put together
# Bytes of text and of what it is copied to on its way, for each byte of a tensor, where an answer
# is encoded as a whole.
ENCODED = 8
LONG_ANSWER = 2**20  # bytes of tensors, from which an answer is encoded while it is read


class Share:
    """What one request has taken of a budget; given back as a whole when it has been answered."""

    __slots__ = ("_budget", "_taken", "limit")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._taken: dict[Kind, int] = {}
        self.limit = budget.limit  # bytes that all requests together may take

    def take(self, kind: Kind, size: int) -> None:
        """See `Budget.take`; what this request has taken already counts as well."""
        if not self._budget.take_if_room(kind, size):
            self._budget.refuse_if_beyond(kind, size, sum(self._taken.values()))
            self._budget.refuse(kind, size)
        self._taken[kind] = self._taken.get(kind, 0) + size

    def refuse_if_full(self, kind: Kind, size: int) -> None:
        """See `Budget.refuse_if_full`."""
        self._budget.refuse_if_full(kind, size)

    def close(self) -> None:
        """Give back everything."""
        taken, self._taken = self._taken, {}
        if taken:
            self._budget.give_all_back(taken)


# Of the request that is being answered.
share: ContextVar[Share | None] = ContextVar("share", default=None)


def take(kind: Kind, size: int) -> None:
    """Count bytes of the request that is being answered, until it has been.

    Raises:
        ServiceError: there is no room for them; see `Budget.take`
    """
    current = share.get()
    if current is not None:
        current.take(kind, size)


def refuse_if_full(kind: Kind, size: int) -> None:
    """Refuse the request that is being answered where so many bytes have no room.

    Raises:
        ServiceError: see `Budget.refuse_if_full`
    """
    current = share.get()
    if current is not None:
        current.refuse_if_full(kind, size)


def take_for_answer(size: int, *, whole: bool = False) -> None:
    """Count an answer of this request before it is computed, until it has been read.

    Args:
        size: bytes of its tensors
        whole: whether it is encoded as a whole however long it is
    Raises:
        ServiceError: there is no room for it; see `Budget.take`
    """
    is_whole = whole or size <= LONG_ANSWER
    take("answers", size * (COPIES + ENCODED * is_whole))


def default_limit(workers: int, cgroups: Path = CGROUPS) -> int:
    """Bytes for each of so many processes: a share of what the machine or the container allows."""
    return int(SHARE * available(cgroups)) // workers


def available(cgroups: Path) -> int:
    """Bytes of memory that this machine has, or that its container may use."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in CGROUP_LIMITS:
        try:
            limits.append(int((cgroups / name).read_text(encoding="utf-8")))
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
    return min(limits)
