"""Remote engine and scheduler: a model version at the ingress, computed by replicas."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from safetensors.numpy import load_file

from ntm.architectures import catalogue
from ntm.repository import manifest
from ntm.repository.folders import VersionFolder
from ntm.signature import Signature, State
from service.cluster.calls import Call, Reply
from service.engines.choose import with_kernel
from service.errors import NoReplica, QueueFull, ServiceError
from service.scheduling.events import Ended, Event, Outcome, outcome_of
from service.scheduling.scheduler import too_late
from service.scheduling.walk import Terms, Walk, Walked
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
        self.name = with_kernel(engine, version)
        folder = version.torchscript if self.name == "torchscript" else version.onnx
        exported = manifest.read(version, folder)
        self.signature: Signature = exported.signature
        self.digest = exported.digest
        self.device: str = settings.device  # `auto` until a replica has answered
        self.batches = self.name != "native"
        architecture = catalogue.find(exported.signature.architecture)
        self.replays_memory = self.name != "torchscript" and architecture.memories is not None
        learned = folder / manifest.INITIAL
        self._learned = load_file(learned) if exported.initial_sha256 else None

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

    async def walk(self, walk: Walk, terms: Terms) -> Walked:
        """See `Walker`; the hook of the terms is not called.

        Raises:
            NoReplica: the model's deployment has failed
            ServiceError: what `Scheduler.walk` raises there
        """
        engine, began = self._engine, self._clock()
        call = Call(walk, terms.timeout, self._version, engine.name, engine.digest)
        self._queued += walk.steps
        outcome: Outcome = "failed"
        try:
            async with asyncio.timeout(terms.timeout + SLACK):
                walked = await self._ask(call)
            outcome = "ok"
            return walked
        except BaseException as error:
            outcome = outcome_of(error)
            if outcome == "timed_out":
                raise too_late(terms.timeout + terms.spent) from None
            raise
        finally:
            self._queued -= walk.steps
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
