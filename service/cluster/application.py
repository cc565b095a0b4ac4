"""The Serve application: the ingress, and a deployment of engines for every model."""

import logging
import subprocess
from functools import partial
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from ray import serve

from ntm.architectures import kernels
from ntm.repository import survey
from ntm.repository.folders import RepositoryError, VersionFolder
from service.app import create_app
from service.cluster.autoscaling import STEPS_PER_REPLICA
from service.cluster.remote import RemoteEngine, RemoteScheduler
from service.cluster.replica import EngineReplica
from service.engines import native_is_best
from service.models.served import LoadedModel, Models, Observer
from service.settings import Settings

log = logging.getLogger("ntm.models")

INGRESS = "Ingress"  # no model has a name with a capital
POLICY = "service.cluster.autoscaling:QueuedSteps"


class Arguments(BaseModel):
    """`args` in cluster.yaml, or name=value after `serve run service.cluster:app`."""

    model_config = ConfigDict(extra="forbid")

    ingress_replicas: int = Field(default=1, ge=1, description="of the HTTP application")
    min_replicas: int = Field(default=1, ge=0, description="of every model")
    max_replicas: int = Field(default=4, ge=1, description="of every model")
    steps_per_replica: int = Field(
        default=STEPS_PER_REPLICA, ge=1, description="queued before there is one more replica"
    )
    upscale_delay: float = Field(default=5.0, ge=0, description="seconds")
    downscale_delay: float = Field(default=120.0, ge=0, description="seconds")
    num_cpus: float = Field(
        default=0.25, ge=0, description="that Ray reserves for a replica of a model"
    )
    num_gpus: float = Field(default=0, ge=0, description="of a replica of a model")
    max_ongoing_requests: int = Field(default=128, ge=1, description="of a replica of a model")
    max_queued_requests: int = Field(
        default=512, ge=-1, description="that wait at an ingress for a replica; more get 503"
    )


def app(arguments: Arguments) -> Any:
    """The application, with the settings of the environment it is built in.

    Raises:
        UnknownSetting: a variable begins with NTM_ and is no setting
        RepositoryError: there is no model to serve
    """
    return build(Settings.from_environment(), arguments)


def build(settings: Settings, arguments: Arguments) -> Any:
    """The application with these settings; the repository is at the same path on every node.

    Raises:
        RepositoryError: there is no model to serve
    """
    settings = settings.model_copy(
        update={"models": settings.models.resolve(), "data": settings.data.resolve()}
    )
    settings = settings.model_copy(update={"engine": one_engine(settings)})
    names = sorted({folder.name for folder in survey.models(settings.models)})
    if not names:
        raise RepositoryError(f"{settings.models} holds no model that can be served")
    engines = [engine(name, settings, arguments) for name in names]

    def ingress() -> FastAPI:
        loader = partial(load, settings=settings)
        return create_app(settings, partial(open_models, loader=loader, names=names))

    deployment = serve.deployment(serve.ingress(ingress)()).options(
        name=INGRESS,
        num_replicas=arguments.ingress_replicas,
        max_ongoing_requests=4096,  # they wait for replicas, which have bounds
        ray_actor_options={"num_cpus": 0.1},
        graceful_shutdown_timeout_s=settings.drain_timeout,
        health_check_period_s=2,
    )
    return deployment.bind(*engines)


def one_engine(settings: Settings) -> str:
    """What `auto` means for all replicas: engines differ in their last bits, replicas must not."""
    if settings.engine != "auto":
        return settings.engine
    if not native_is_best(settings.device):
        return "onnx"
    if not kernels.is_ready(settings.compiled_path):
        log.info("compiling the native engine, once")
        try:
            kernels.compile_elsewhere(settings.compiled_path)
        except (OSError, subprocess.SubprocessError) as error:
            log.error("the native engine cannot be compiled, onnx it is: %s", error)
            return "onnx"
    return "native"


def engine(name: str, settings: Settings, arguments: Arguments) -> Any:
    """The deployment of one model."""
    return (
        serve.deployment(EngineReplica)
        .options(
            name=name,
            num_replicas=None,
            autoscaling_config={
                "min_replicas": arguments.min_replicas,
                "initial_replicas": max(1, arguments.min_replicas),
                "max_replicas": max(arguments.max_replicas, arguments.min_replicas),
                "upscale_delay_s": arguments.upscale_delay,
                "downscale_delay_s": arguments.downscale_delay,
                "policy": {
                    "policy_function": POLICY,
                    "policy_kwargs": {"steps_per_replica": arguments.steps_per_replica},
                },
            },
            max_ongoing_requests=arguments.max_ongoing_requests,
            max_queued_requests=arguments.max_queued_requests,
            ray_actor_options={"num_cpus": arguments.num_cpus, "num_gpus": arguments.num_gpus},
            graceful_shutdown_timeout_s=settings.drain_timeout,
            health_check_period_s=2,
        )
        .bind(settings, name)
    )


def open_models(settings: Settings, observe: Observer, loader: Any, names: list[str]) -> Models:
    """The models of an ingress. A name that is new in the repository needs a new deployment."""
    return Models(settings, observe, loader, names)


def load(
    folder: VersionFolder, observe: Observer, engine: str | None, settings: Settings
) -> LoadedModel:
    """One version, walked by the replicas of its model.

    Raises:
        RepositoryError: a file is missing or damaged
    """
    description = folder.description()
    handle = serve.get_deployment_handle(folder.name, serve.get_replica_context().app_name)
    remote = RemoteEngine(folder, settings, engine or settings.engine)
    scheduler = RemoteScheduler(handle, remote, folder.version, lambda event: observe(model, event))
    model = LoadedModel(folder, description, description.make_task(), remote, scheduler)
    return model
