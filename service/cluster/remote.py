"""A model version as the ingress has it: what is known of its engine, and who walks for it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from safetensors.numpy import load_file

from ntm.interventions.edits import Edits
from ntm.repository import manifest
from ntm.repository.folders import VersionFolder
from ntm.signature import Signature, State
from service.cluster.calls import Call, Reply
from service.errors import DeadlineExceeded, NoReplica, QueueFull, ServiceError
from service.scheduling.events import Ended, Event, Outcome
from service.scheduling.sequence import Segment, Walked, Wish
from service.settings import Settings

# A replica or its machine went away: nothing has been stored yet, so another one does it again.
LOST = (RayActorError, NodeDiedError, ObjectLostError, WorkerCrashedError)
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0  # seconds between tries
SLACK = 5.0  # seconds beyond the replica's own time-out
RETRY_AFTER = 1


class Handle(Protocol):
    """As much of Ray Serve's DeploymentHandle as is used here."""

    walk: Any


class RemoteEngine:
    """What the exported files tell of an engine that runs elsewhere; see `EngineFacts`."""

    def __init__(self, version: VersionFolder, settings: Settings, engine: str) -> None:
        """Read and check the files.

        Raises:
            RepositoryError: a file is missing or differs from its digest
        """
        self.name = engine
        folder = version.torchscript if self.name == "torchscript" else version.onnx
        told = manifest.read(version, folder)
        self.signature: Signature = told.signature
        self.digest = told.digest
        self.device: str = settings.device  # `auto` until a replica has told
        self.batches = self.name != "native"
        self.replays_memory = self.name != "torchscript"
        learned = folder / manifest.INITIAL
        self._learned = load_file(learned) if told.initial_sha256 else None

    def initial_state(self, slots: int) -> State:
        """See `EngineFacts`."""
        return self.signature.initial_state(1, slots, self._learned)


class RemoteScheduler:
    """Has replicas walk sequences; see `Walker`. They batch, they refuse what is too much."""

    def __init__(
        self,
        handle: Handle,
        engine: RemoteEngine,
        version: int,
        observe: Callable[[Event], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._handle, self._engine, self._version = handle, engine, version
        self._observe, self._clock = observe, clock
        self._queued = 0

    @property
    def queued_steps(self) -> int:
        """Steps asked for by this ingress and not yet answered."""
        return self._queued

    def refuse_if_full(self, steps: int) -> None:
        """Nobody is refused here: how much is queued only the replicas know."""

    def close(self) -> None:
        """Nothing runs here: whoever awaits `walk` has a place of their own."""

    async def walk(
        self,
        sequence: NDArray[np.float32],
        slots: int,
        segments: Sequence[Segment],
        timeout: float,
        state: State | None = None,
        keep_state: bool = False,
        edits: Edits | None = None,
        start: int = 0,
        alone: bool = False,
        wish: Wish | None = None,
        together: bool = False,
    ) -> Walked:
        """See `Scheduler.walk`; what is wished for is left to whoever waits.

        Raises:
            NoReplica: the model's deployment has failed
            ServiceError: what `Scheduler.walk` raises there
        """
        steps, began = len(sequence) - start, self._clock()
        outcome: Outcome = "failed"
        self._queued += steps
        call = Call(
            self._version,
            self._engine.name,
            self._engine.digest,
            sequence,
            slots,
            segments,
            timeout,
            state,
            keep_state,
            edits,
            start,
        )
        try:
            async with asyncio.timeout(timeout + SLACK):
                walked = await self._ask(call)
            outcome = "ok"
            return walked
        except (TimeoutError, DeadlineExceeded):
            outcome = "timed_out"
            raise DeadlineExceeded(f"no answer within {timeout:g} seconds") from None
        except QueueFull:
            outcome = "rejected"
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            self._queued -= steps
            self._observe(Ended(outcome, 0.0, self._clock() - began))

    async def _ask(self, call: Call) -> Walked:
        """Ask a replica, and another one where it is lost."""
        pause = FIRST_PAUSE
        while True:
            response = self._handle.walk.remote(call)
            try:
                reply: Reply = await response
                break
            except asyncio.CancelledError:
                response.cancel()
                raise
            except BackPressureError:
                raise QueueFull(
                    f"too many requests wait for a replica; try again in {RETRY_AFTER} s",
                    retry_after=RETRY_AFTER,
                ) from None
            except DeploymentUnavailableError:
                raise NoReplica(
                    "the model has no replica that could be started", retry_after=10
                ) from None
            except LOST:
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
        if isinstance(reply.result, ServiceError):
            raise reply.result
        self._engine.device = reply.device
        return reply.result
