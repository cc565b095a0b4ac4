"""A real Ray cluster of node processes on this machine, with a real Redis beside it."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.service.redis_server import RedisServer, free_port
from tests.service.running import PATIENCE

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
for who in ("REPLICA", "HANDLE"):  # seconds between the numbers that a flood is seen by
    os.environ[f"RAY_SERVE_{who}_AUTOSCALING_METRIC_PUSH_INTERVAL_S"] = "1"


class Nodes:
    """A head with the HTTP proxy, and a second node that can be killed."""

    def __init__(self, models: Path, redis: RedisServer, folder: Path) -> None:
        import ray
        from ray import serve
        from ray.cluster_utils import Cluster

        from service.cluster.application import Arguments, build
        from service.settings import Settings

        self.store = redis.url
        memory = {"object_store_memory": 100 * 2**20}
        self.size: dict[str, Any] = {"num_cpus": 3, **memory}
        head = {**self.size, "num_cpus": 1, "include_dashboard": False}
        self.cluster = patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
        self.second = patiently(lambda: self.cluster.add_node(**self.size))
        ray.init(address=self.cluster.address, log_to_driver=False, configure_logging=False)
        self.url = f"http://127.0.0.1:{free_port()}"
        serve.start(
            proxy_location="HeadOnly",
            http_options={"host": "127.0.0.1", "port": int(self.url.rpartition(":")[2])},
        )
        settings = Settings(
            models=models,
            data=folder,
            store=redis.url,
            poll=0.3,
            engine="onnx",
            max_queued_steps=6000,
        )
        arguments = Arguments(
            ingress_replicas=2,
            min_replicas=2,
            max_replicas=3,
            steps_per_replica=1000,
            upscale_delay=0,
            num_cpus=0.5,
        )
        serve.run(build(settings, arguments), name="ntm", route_prefix="/")

    def client(self) -> httpx.Client:
        """A client that must be closed."""
        return httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False)

    def replicas(self, name: str = "copy") -> list[psutil.Process]:
        """The processes of a deployment's replicas."""
        title = f"ray::ServeReplica:ntm:{name}"
        found = []
        for process in psutil.Process().children(recursive=True):
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if line.startswith(title):
                found.append(process)
        return found

    def kill_replica(self) -> None:
        """kill -9 of one engine."""
        self.replicas()[0].send_signal(signal.SIGKILL)

    def kill_node(self) -> None:
        """kill -9 of all that runs on the second node, replicas of both kinds among it."""
        raylet = psutil.Process(self.second.all_processes["raylet"][0].process.pid)
        there = [raylet, *raylet.children(recursive=True)]
        pids = {process.pid for process in there}
        self.killed = [process for process in self.replicas() if process.pid in pids]
        for process in there:  # its workers at the same moment, as with a machine
            process.send_signal(signal.SIGKILL)
        self.cluster.remove_node(self.second, allow_graceful=False)

    def add_node(self) -> None:
        """Another one in its place."""
        self.second = patiently(lambda: self.cluster.add_node(**self.size))

    def close(self) -> None:
        """End all processes."""
        import ray
        from ray import serve

        serve.shutdown()
        ray.shutdown()
        self.cluster.shutdown()


def patiently(start: Callable[[], Any]) -> Any:
    """Start a node; one that does not come within Ray's 30 s is tried again on a busy machine."""
    for _ in range(3):
        try:
            return start()
        except Exception as error:
            if "timed out" not in str(error):
                raise
    return start()


def persist(ask: Callable[[], httpx.Response], tries: list[int]) -> httpx.Response:
    """Ask as a client does that tries again after a 5xx or a lost connection."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = ask()
            if answer.status_code < 500:
                return answer
        except httpx.TransportError:
            pass
        tries.append(1)
        assert time.monotonic() < deadline, "it never got an answer"
        time.sleep(0.1)
