"""One replica: the engine of one model in all its versions, and the scheduler of each."""

import asyncio
import sys
import time

import ray

from service.cluster.calls import Call, Reply
from service.cluster.counters import Counters
from service.engines import EngineUnavailable
from service.errors import ServiceError, UnknownVersion, Unreplayable
from service.models.compiler import Compiler
from service.models.rollout import Rollout
from service.models.served import LoadedModel, Models
from service.process.workers import SWITCH_INTERVAL
from service.scheduling.walk import Terms
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.telemetry.statistics import Statistics

LATE = 10.0  # seconds that an ingress may take to load a new version, beyond its poll


class EngineReplica:
    """Walks sequences for any ingress; they share batches as in one process."""

    async def __init__(self, settings: Settings, name: str) -> None:  # type: ignore[misc]
        """Load the model.

        Raises:
            EngineUnavailable, RepositoryError: the replica does not start
        """
        sys.setswitchinterval(SWITCH_INTERVAL)
        counters, self._name = Counters(), name
        if settings.device == "auto":  # a replica that was given a GPU runs on it or not at all
            device = "cuda" if ray.get_gpu_ids() else "cpu"
            settings = settings.model_copy(update={"device": device})
        self._models = Models(settings, counters.observed, names={name})
        # An ingress that has not looked yet still asks for what is retired here.
        grace = settings.request_timeout + settings.poll + LATE
        metrics = Metrics(Statistics(time.time))
        self._rollout = Rollout(
            self._models, metrics, settings, Compiler(settings.compiled_path), grace
        )
        self._polling = asyncio.create_task(self._rollout.run())

    async def walk(self, call: Call) -> Reply:
        """Walk a sequence to its end; cancelled, its place is freed at once."""
        device = "auto"
        try:
            model = await self._models.on_engine(await self._find(call), call.engine)
            device = model.engine.device
            walked = await model.scheduler.walk(call.walk, Terms(call.timeout))
            return Reply(walked, device)
        except ServiceError as error:
            return Reply(error, device)
        except EngineUnavailable as error:
            return Reply(Unreplayable(f"engine {call.engine} cannot be had: {error}"), device)

    async def _find(self, call: Call) -> LoadedModel:
        """The version with the very files that the ingress means, looked for where it is new.

        Raises:
            UnknownVersion: it is not there
        """
        key = (self._name, call.version)
        if found := self._models.exactly(key, call.digest):
            return found
        await self._rollout.look(retry_broken=True)
        if found := self._models.exactly(key, call.digest):
            return found
        raise UnknownVersion(f"model {self._name} has no version {call.version} with these files")

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What Ray Serve's autoscaler asks for."""
        return {"queued_steps": float(sum(m.scheduler.queued_steps for m in self._models))}

    async def check_health(self) -> None:
        """Ray Serve replaces a replica of which this fails.

        Raises:
            RuntimeError: the model is gone, or nobody looks for new versions any more
        """
        if self._polling.done():
            raise RuntimeError("the look-out for new versions has ended")
