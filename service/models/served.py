"""The models that are being served: one engine and one scheduler a version."""

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import starmap
from typing import Any

import numpy as np

from ntm.architectures import kernels
from ntm.evaluation.reach import verified_slots
from ntm.repository.folders import (
    ModelDescription,
    RepositoryError,
    VersionFolder,
    read_json,
)
from ntm.repository.survey import Stray
from ntm.signature import Signature
from ntm.tasks import Task
from ntm.vocabulary import Vocabulary
from service.engines import (
    Engine,
    EngineFacts,
    EngineUnavailable,
    Kind,
    has_kernel,
    native_is_best,
    open_engine,
)
from service.errors import UnknownModel, UnknownVersion
from service.memory import Budget
from service.models.repository_scan import Fingerprint, Key, scan
from service.scheduling.cores import Cores, places_for
from service.scheduling.events import Event
from service.scheduling.interface import Walker
from service.scheduling.limits import Instruments, Limits
from service.scheduling.scheduler import Scheduler
from service.settings import Settings

log = logging.getLogger("ntm.models")

UNREADABLE = "its files cannot be used by this engine; the log has the reason"
WARM_UP = (
    64,
    16,
    4,
    1,
)  # steps; whatever an engine puts off until its first run is done with these

Observer = Callable[["LoadedModel", Event], object]
Loader = Callable[[VersionFolder, Observer, str | None], "LoadedModel"]  # None: any engine


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """One version of one model, ready to answer."""

    folder: VersionFolder
    description: ModelDescription
    task: Task | None  # None where nobody here knows it: no examples, no scores
    engine: EngineFacts
    scheduler: Walker

    @cached_property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def version(self) -> int:
        return self.folder.version

    @property
    def key(self) -> Key:
        return self.name, self.version

    @property
    def signature(self) -> Signature:
        return self.engine.signature

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """The words that it is asked in; None where it takes numbers only."""
        return self.description.vocabulary

    @cached_property
    def verified_slots(self) -> tuple[int, ...]:
        """The numbers of memory slots it was trained or measured with; none where unknown."""
        try:
            return verified_slots(self.description, read_json(self.folder.evaluation))
        except (RepositoryError, KeyError, TypeError, ValueError):  # a model without an evaluation
            return ()

    @property
    def lacks_native(self) -> bool:
        """Whether another engine runs it though its architecture has a compiled kernel."""
        return self.engine.name != "native" and has_kernel(self.description)

    @property
    def digest(self) -> str:
        """A SHA-256 of the signature and every exported file."""
        return self.engine.digest


@dataclass(frozen=True)
class Change:
    """What a look at the repository brought."""

    added: tuple[LoadedModel, ...] = ()
    removed: tuple[LoadedModel, ...] = ()  # replaced ones too


class Models:
    """Every model of the repository by name and version, as of the last look at it."""

    def __init__(
        self,
        settings: Settings,
        observe: Observer = lambda model, event: None,
        loader: Loader | None = None,
        names: Collection[str] | None = None,
    ) -> None:
        """Open all models; a broken one is left out and reported in the log and by `broken`.

        Args:
            settings: of the service
            observe: called with every chunk and of every sequence that ended
            loader: opens one version; with an engine in this process by default
            names: of the models to serve; all by default
        Raises:
            EngineUnavailable: the engine or device asked for cannot be had
            RepositoryError: there is not one usable model
        """
        self._settings, self._observe = settings, observe
        self.budget = Budget(settings.memory_limit)  # of the whole process
        # a CUDA graph must not be recorded while another engine uses the GPU
        cores = Cores(1 if settings.cuda_graphs else places_for(settings.threads))
        self._load = loader or (
            lambda folder, observe, engine: load(
                folder, settings, observe, cores, self.budget, engine
            )
        )
        self._names = names
        self._loaded: dict[str, dict[int, LoadedModel]] = {}
        self._broken: dict[Key, str] = {}
        self._strays: tuple[Stray, ...] = ()
        self.unloaded: frozenset[str] = frozenset()  # models that an operator does not want served
        self.resting: tuple[Key, ...] = ()  # their versions, as of the last look
        self._seen: dict[Key, Fingerprint] = {}
        self._retired: list[LoadedModel] = []
        self._elsewhere: dict[tuple[Key, str, str], LoadedModel] = {}
        self._opening = threading.Lock()
        self.take(self.look(fatal=EngineUnavailable))
        if not self._loaded:
            reason = f": {self.broken[0]['error']}" if self.broken else ""
            raise RepositoryError(f"{settings.models} holds no model that can be served{reason}")

    @property
    def broken(self) -> list[dict[str, Any]]:
        """What is not served as it lies in the repository, and why.

        `served` says whether what lay there before is still served in its place.
        """
        served = {model.key for model in self}
        entries = [*starmap(Stray, ((*key, error) for key, error in dict(self._broken).items()))]
        return [
            {**entry._asdict(), "served": (entry.name, entry.version) in served}
            for entry in sorted(
                (*entries, *self._strays), key=lambda e: (e.name, e.version or 0, e.error)
            )
        ]

    def look(
        self, *, fatal: type[Exception] | tuple[()] = (), retry_broken: bool = False
    ) -> Change:
        """Load what is new or changed in the repository and say what is gone; serve nothing yet.

        It takes time and belongs on a thread of its own, one at a time.

        Args:
            fatal: raised instead of calling a version broken
            retry_broken: also load what was broken and has not changed
        Raises:
            RepositoryError: the repository itself is not there
        """
        versions, strays = scan(self._settings.models)
        found = {
            key: version
            for key, version in versions.items()
            if self._names is None or key[0] in self._names
        }
        self.resting = tuple(sorted(key for key in found if key[0] in self.unloaded))
        for key in self.resting:
            del found[key]
        for stray in strays:
            if stray not in self._strays:
                log.error("%s is not served: %s", stray.name, stray.error)
        self._strays = tuple(strays)
        for key in self._broken if retry_broken else ():
            self._seen.pop(key, None)
        ready = self.wants_native() and kernels.is_ready(self._settings.compiled_path)
        slower = {model.key for model in self if ready and model.lacks_native}
        added = []
        for key, (folder, fingerprint) in found.items():
            if self._seen.get(key) == fingerprint and key not in slower:
                continue
            self._seen[key] = fingerprint  # from before the load: what changes since is seen again
            try:
                added.append(self._load(folder, self._observe, None))
            except fatal:
                raise
            except Exception as error:
                reason = str(error).replace(f"{self._settings.models}/", "")
                self._broken[key] = reason if isinstance(error, RepositoryError) else UNREADABLE
                log.error("model %s/%s is not served: %s", *key, error)
            else:
                self._broken.pop(key, None)
        for key in self._seen.keys() - found.keys():
            del self._seen[key]
            self._broken.pop(key, None)
        fresh = {model.key for model in added}
        removed = [m for m in self if m.key in fresh or m.key not in found]
        return Change(tuple(added), tuple(removed))

    def take(self, change: Change) -> None:
        """Serve what has been loaded, all at once; what is gone finishes what it has."""
        staying = [model for model in self if model not in change.removed]
        loaded: dict[str, dict[int, LoadedModel]] = {}
        for model in sorted([*staying, *change.added], key=lambda model: model.key):
            loaded.setdefault(model.name, {})[model.version] = model
        self._loaded = loaded
        self._retired += change.removed
        for model in change.removed:
            log.info("model %s/%s is retired", *model.key)
        for model in change.added:
            log.info("model %s/%s on %s, %s", *model.key, model.engine.name, model.engine.device)

    def wants_native(self) -> bool:
        """Whether something is served that the native engine would serve better, once compiled."""
        settings = self._settings
        return (
            settings.engine == "auto"
            and native_is_best(settings.device)
            and any(model.lacks_native for model in self)
        )

    async def on_engine(self, model: LoadedModel, engine: str) -> LoadedModel:
        """The same files on the engine that computed a trace or a session: it has its own bits.

        Opened when it is first asked for, which takes a moment, and then kept.

        Raises:
            EngineUnavailable: it cannot be had any more
            RepositoryError: the files have gone
        """
        if model.engine.name == engine:
            return model
        return await asyncio.to_thread(self._open_elsewhere, model, engine)

    def _open_elsewhere(self, model: LoadedModel, engine: str) -> LoadedModel:
        with self._opening:
            place = (model.key, model.digest, engine)
            if place not in self._elsewhere:
                self._elsewhere[place] = self._load(model.folder, self._observe, engine)
            return self._elsewhere[place]

    def release(self, model: LoadedModel) -> None:
        """Let go of a retired model, once it has finished what it has."""
        model.scheduler.close()
        self._retired.remove(model)
        if any(served.digest == model.digest for served in self):
            return
        with self._opening:
            gone = [place for place in self._elsewhere if place[1] == model.digest]
            others = [self._elsewhere.pop(place) for place in gone]
        for other in others:
            other.scheduler.close()

    def __iter__(self) -> Iterator[LoadedModel]:
        for versions in self._loaded.values():
            yield from versions.values()

    def get(self, name: str, version: int | None = None) -> LoadedModel:
        """A model by name and version, the highest one by default.

        Raises:
            UnknownModel, UnknownVersion
        """
        versions = self._loaded.get(name)
        if versions is None:
            known = ", ".join(self._loaded)
            raise UnknownModel(f"unknown model '{name:.64}', expected one of {known}")
        if version is None:
            return versions[max(versions)]
        if version not in versions:
            known = ", ".join(map(str, sorted(versions)))
            raise UnknownVersion(f"model {name} has no version {version}, only {known}")
        return versions[version]

    def exactly(self, key: Key, digest: str) -> LoadedModel | None:
        """A version with these very files, also one that is retired and still finishes."""
        known = (model for model in [*self, *self._retired] if model.key == key)
        return next((model for model in known if model.digest == digest), None)

    def versions(self, name: str) -> list[int]:
        """The versions of a model, ascending."""
        return sorted(self._loaded[name])

    def close(self) -> None:
        """Finish what is running and let the engines go."""
        for model in [*self, *self._retired, *self._elsewhere.values()]:
            model.scheduler.close()


def load(
    folder: VersionFolder,
    settings: Settings,
    observe: Observer,
    cores: Cores,
    budget: Budget,
    engine: str | None = None,
) -> LoadedModel:
    """Open one version.

    Args:
        folder: where it is
        settings: of the service
        observe: called with every chunk and of every sequence that ended
        cores: shared with all other models
        budget: of bytes, shared with everything that is in flight
        engine: instead of the settings'

    Raises:
        RepositoryError: a file is missing or damaged
        EngineUnavailable: the engine or device asked for cannot be had
    """
    description = folder.description()
    with cores if settings.cuda_graphs else nullcontext():
        opened = open_engine(
            folder,
            engine or settings.engine,
            settings.device,
            settings.threads,
            settings.compiled_path,
            settings.cuda_graphs and engine in (None, "onnx"),
        )
        warm_up(opened, folder)
    scheduler = Scheduler(
        opened,
        Limits(settings.max_batch, settings.max_queued_steps, budget),
        Instruments(lambda event: observe(model, event)),
        cores,
    )
    model = LoadedModel(folder, description, description.make_task(), opened, scheduler)
    if model.task is None:
        told = "model %s/%s has the task '%s', which is not known here: no examples, no scores"
        log.info(told, *model.key, description.task_name)
    return model


def warm_up(engine: Engine, folder: VersionFolder) -> None:
    """Run every graph once, so that no request pays for it and none meets one that cannot run.

    Raises:
        RepositoryError: what comes out is not finite
    """
    slots = engine.signature.memory_slots
    kinds: tuple[Kind, ...] = ("predict", "inspect")
    for kind in kinds:
        for steps in {engine.longest(kind, most) for most in WARM_UP}:
            x = np.zeros((steps, 1, engine.signature.input_size), np.float32)
            values, _ = engine.run(kind, x, engine.initial_state(slots))
            if not np.isfinite(values["outputs"]).all():
                raise RepositoryError(f"{folder.path} gives outputs that are not finite")
