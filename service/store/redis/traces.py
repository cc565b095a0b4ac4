"""Traces in Redis, bounded by age and bytes."""

from collections.abc import Callable, Sequence
from typing import Any

from service.records.trace import Trace
from service.store.arrays import pack, pack_json, unpack, unpack_json
from service.store.bundles import OVERHEAD
from service.store.cursors import read_cursor
from service.store.damage import UNREADABLE, Damage
from service.store.redis import scripts
from service.store.redis.link import Argument, Link
from service.store.traces import unknown

LISTED = ("number", "model", "version", "steps", "memory_slots", "created_at")
FIELDS = (
    "model",
    "version",
    "model_digest",
    "engine",
    "created_at",
    "memory_slots",
    "steps",
    "outputs_digest",
    "inputs",
    "target",
    "interventions",
)
SKEW = 60.0  # seconds that machines' clocks may differ by; Redis' own drops a trace no sooner


class RedisTraces:
    """See `Traces`."""

    def __init__(
        self,
        link: Link,
        ttl: float,
        max_bytes: int,
        clock: Callable[[], float],
        owner: Callable[[], str] = str,
        damage: Damage | None = None,
    ) -> None:
        """As the SQLite store, with a way to Redis in place of a file."""
        self._link, self._damage = link, damage or Damage()
        self._ttl, self._max_bytes, self._clock, self._owner = ttl, max_bytes, clock, owner

    def put_at_once(self, traces: Sequence[Trace], owner: str) -> bool:
        """See `Traces`; Redis has to be waited for."""
        return False

    async def put(self, trace: Trace) -> None:
        """See `Traces`."""
        blobs = {"inputs": pack(trace.inputs)}
        if trace.target is not None:
            blobs["target"] = pack(trace.target)
        if trace.interventions:
            blobs["interventions"] = pack_json(list(trace.interventions))
        facts: dict[str, Argument] = {
            "model": trace.model,
            "version": trace.version,
            "model_digest": trace.model_digest,
            "engine": trace.engine,
            "created_at": repr(trace.created_at),
            "memory_slots": trace.memory_slots,
            "steps": trace.steps,
            "outputs_digest": trace.outputs_digest,
            **blobs,
        }
        size = sum(map(len, blobs.values())) + OVERHEAD
        life = round((self._ttl + SKEW) * 1000)
        fields = [told for pair in facts.items() for told in pair]
        arguments: list[Argument] = [
            self._gone(),
            trace.trace_id,
            self._owner(),
            size,
            self._max_bytes,
            life,
        ]
        await self._link.run(scripts.PUT_TRACE, [*arguments, *fields])

    async def get(self, trace_id: str) -> Trace:
        """See `Traces`."""
        mine = [self._gone(), trace_id, self._owner()]
        with self._damage.reading(f"trace {trace_id:.64}", unknown(trace_id)):
            told = await self._link.run(scripts.GET_TRACE, [*mine, *FIELDS])
            if told is not None:
                return trace_of(trace_id, told[2:])
        raise unknown(trace_id)

    async def delete(self, trace_id: str) -> None:
        """See `Traces`."""
        mine = [self._gone(), trace_id, self._owner()]
        with self._damage.reading(f"trace {trace_id:.64}", unknown(trace_id)):
            if not await self._link.run(scripts.DELETE_TRACE, mine):
                raise unknown(trace_id)

    async def page(
        self, model: str | None, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """See `Traces`."""
        before = read_cursor(cursor)
        asked: list[Argument] = [self._gone(), self._owner(), model or "", before, limit + 1]
        rows = await self._link.run(scripts.PAGE_OF_TRACES, [*asked, *LISTED])
        page = list[dict[str, Any]]()
        for row in rows[:limit]:
            try:
                page.append(listed(*row))
            except UNREADABLE as error:
                self._damage.report(f"trace {row[0].decode()}", error)
        return page, rows[limit - 1][1].decode() if len(rows) > limit else None

    async def usage(self) -> tuple[int, int]:
        """See `Traces`."""
        count, size = await self._link.run(scripts.USAGE_OF_TRACES, [self._gone()])
        return count, size

    def _gone(self) -> str:
        """What was made then or before is too old."""
        return repr(self._clock() - self._ttl)


def trace_of(trace_id: str, told: Sequence[Any]) -> Trace:
    """A trace from its FIELDS as they are stored."""
    *facts, inputs, target, changes = told
    model, version, digest, engine, created_at, slots, steps, outputs = (
        fact.decode() for fact in facts
    )
    return Trace(
        trace_id=trace_id,
        model=model,
        version=int(version),
        model_digest=digest,
        engine=engine,
        created_at=float(created_at),
        memory_slots=int(slots),
        inputs=unpack(inputs, int(steps)),
        target=None if target is None else unpack(target, int(steps)),
        outputs_digest=outputs,
        interventions=() if changes is None else unpack_json(changes),
    )


def listed(
    trace_id: bytes,
    number: bytes,
    name: bytes,
    version: bytes,
    steps: bytes,
    slots: bytes,
    created_at: bytes,
) -> dict[str, Any]:
    """A trace as a page tells it, from what a script found."""
    return {
        "trace_id": trace_id.decode(),
        "model": name.decode(),
        "version": int(version),
        "steps": int(steps),
        "memory_slots": int(slots),
        "created_at": float(created_at),
    }
