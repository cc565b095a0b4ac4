"""`ntm serve --cluster`: the application on a Ray cluster, started here or joined."""

import logging
import signal
import threading

import ray
from ray import serve
from ray.serve.context import _get_global_client

from ntm.repository import survey
from service.cluster.application import Arguments, build
from service.process.server import KEEP_ALIVE
from service.settings import Settings

log = logging.getLogger("ntm.server")

NAME = "ntm"


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the exit code.

    Raises:
        ConnectionError: there is no such cluster
        RepositoryError: there is no model to serve
        RuntimeError: a deployment did not start
    """
    stopping = threading.Event()
    listen_to_signals(stopping)
    if settings.ray:
        ray.init(address=settings.ray, configure_logging=False, log_to_driver=False)
    else:
        ray.init(
            address="local", include_dashboard=False, configure_logging=False, log_to_driver=False
        )
    listen_to_signals(stopping)  # Ray has put handlers of its own in their place
    try:
        serve.start(
            proxy_location="EveryNode",
            http_options={
                "host": settings.host,
                "port": settings.port,
                "keep_alive_timeout_s": KEEP_ALIVE,
            },
        )
        serve.run(build(settings, arguments(settings)), name=NAME, route_prefix="/")
        listen_to_signals(stopping)
        log.info("running on http://%s:%s", *address(settings))
        while not stopping.wait(1):  # a wait without end would keep handlers from running
            pass
        log.info("draining")
        serve.delete(NAME)
        if not settings.ray:
            serve.shutdown()
    finally:
        ray.shutdown()
    return 0


def address(settings: Settings) -> tuple[str, int]:
    """Where Serve listens: where it ran before, its first start said that, and no other can."""
    http = _get_global_client().http_config
    if (http.host, http.port) != (settings.host, settings.port):
        log.warning("Ray Serve ran here before: NTM_HOST and NTM_PORT count after `serve shutdown`")
    return f"[{http.host}]" if ":" in http.host else http.host, http.port


def arguments(settings: Settings) -> Arguments:
    """What the cluster has room for: on this one machine one replica of every model."""
    if settings.ray:
        return Arguments()
    models = len({folder.name for folder in survey.models(settings.models)})
    share = 0.8 * ray.cluster_resources()["CPU"] / max(1, models)
    return Arguments(max_replicas=1, num_cpus=round(min(1.0, share), 3))


def listen_to_signals(stopping: threading.Event) -> None:
    """End well on SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stopping.set())
