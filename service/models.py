"""The models that are being served: one engine and one scheduler a version."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ntm import repository
from ntm.repository import ModelDescription, RepositoryError, VersionFolder
from ntm.signature import Signature
from ntm.tasks import Task
from service.cores import Cores, places_for
from service.engines import Engine, open_engine
from service.errors import UnknownModel, UnknownVersion
from service.scheduler import Event, Scheduler
from service.settings import Settings

log = logging.getLogger("ntm.models")

Observer = Callable[["LoadedModel", Event], object]


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """One version of one model, ready to answer."""

    folder: VersionFolder
    description: ModelDescription
    task: Task
    engine: Engine
    scheduler: Scheduler

    @cached_property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def version(self) -> int:
        return self.folder.version

    @property
    def signature(self) -> Signature:
        return self.engine.signature

    @property
    def digest(self) -> str:
        """A SHA-256 of the signature and every exported file."""
        return self.engine.digest


class Models:
    """Every model of the repository by name and version."""

    def __init__(self, settings: Settings, observe: Observer = lambda model, event: None) -> None:
        """Open all models; a broken one is kept out and told in the log and by `broken`.

        Raises:
            EngineUnavailable: the engine or device asked for cannot be had
            RepositoryError: there is not one usable model
        """
        self._loaded: dict[str, dict[int, LoadedModel]] = {}
        self.broken: list[dict[str, Any]] = []
        self._cores = Cores(places_for(settings.threads))
        for folder in repository.models(settings.models):
            try:
                model = load(folder, settings, observe, self._cores)
            except RepositoryError as error:
                log.error("model %s/%s is not served: %s", folder.name, folder.version, error)
                self.broken.append(
                    {"name": folder.name, "version": folder.version, "error": f"{error}"}
                )
                continue
            self._loaded.setdefault(model.name, {})[model.version] = model
            log.info(
                "model %s/%s on %s, %s",
                model.name,
                model.version,
                model.engine.name,
                model.engine.device,
            )
        if not self._loaded:
            reason = f": {self.broken[0]['error']}" if self.broken else ""
            raise RepositoryError(f"{settings.models} holds no model that can be served{reason}")

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

    def versions(self, name: str) -> list[int]:
        """The versions of a model, ascending."""
        return sorted(self._loaded[name])

    def close(self) -> None:
        """Finish what is running and let the engines go."""
        for model in self:
            model.scheduler.close()


def load(folder: VersionFolder, settings: Settings, observe: Observer, cores: Cores) -> LoadedModel:
    """Open one version.

    Args:
        folder: where it is
        settings: of the service
        observe: told of every chunk and of every sequence that ended
        cores: shared with all other models

    Raises:
        RepositoryError: a file is missing or damaged
        EngineUnavailable: the engine or device asked for cannot be had
    """
    description = folder.description()
    engine = open_engine(folder, settings.engine, settings.device, settings.threads)
    scheduler = Scheduler(
        engine,
        settings.max_batch,
        settings.max_queued_steps,
        lambda event: observe(model, event),
        cores=cores,
    )
    model = LoadedModel(folder, description, description.make_task(), engine, scheduler)
    return model
