"""Ray nodes and a Redis as processes on this machine, what each has computed, and their deaths."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
ROLES = {
    "proxy": "ray::ProxyActor",
    "ingress": "ray::ServeReplica:{app}:Ingress",
    "engine": "ray::ServeReplica:{app}:copy",
}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Redis:
    """Writes every change to disk before it answers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start, and wait until it listens."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "always"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)

    def kill(self) -> int:
        """kill -9."""
        self.process.kill()
        self.process.wait()
        return 1

    def seconds(self) -> float:
        """Of processor time so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system


class Nodes:
    """A head with the HTTP proxy and a node that can be killed; applications by their prefix."""

    def __init__(self, models: Path, redis: Redis) -> None:
        import ray
        from ray import serve
        from ray.cluster_utils import Cluster

        self._models, self._redis = models, redis
        self._size = {"num_cpus": 4, "object_store_memory": 100 * 2**20}
        head = {**self._size, "num_cpus": 1, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._second = self._cluster.add_node(**self._size)
        ray.init(address=self._cluster.address, log_to_driver=False, configure_logging=False)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        options = {"host": "127.0.0.1", "port": port}
        serve.start(proxy_location="HeadOnly", http_options=options)

    def serve(self, app: str, replicas: int) -> str:
        """Start an application; its URL."""
        from ray import serve

        from service.cluster.application import Arguments, build
        from service.settings import Settings

        settings = Settings(models=self._models, store=self._redis.url, engine="onnx")
        arguments = Arguments(
            ingress_replicas=2, min_replicas=replicas, max_replicas=replicas, num_cpus=0.5
        )
        serve.run(build(settings, arguments), name=app, route_prefix=f"/{app}")
        return f"{self.url}/{app}"

    def processes(self, role: str, app: str) -> list[psutil.Process]:
        """Those of one role."""
        title, found = ROLES[role].format(app=app), []
        for process in psutil.Process().children(recursive=True):
            try:
                if " ".join(process.cmdline()).startswith(title):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def seconds(self, role: str, app: str) -> float:
        """Of processor time that a role has taken so far."""
        times = [process.cpu_times() for process in self.processes(role, app)]
        return sum(told.user + told.system for told in times)

    def kill_replica(self, app: str) -> int:
        """kill -9 of one engine."""
        self.processes("engine", app)[0].send_signal(signal.SIGKILL)
        return 1

    def kill_node(self, app: str) -> int:
        """kill -9 of the second node with all that runs on it; how many replicas these were."""
        replicas = {p.pid for role in ("engine", "ingress") for p in self.processes(role, app)}
        raylet = psutil.Process(self._second.all_processes["raylet"][0].process.pid)
        there = [raylet, *raylet.children(recursive=True)]
        for process in there:  # its workers at the same moment, as with a machine
            process.send_signal(signal.SIGKILL)
        self._cluster.remove_node(self._second, allow_graceful=False)
        return len(replicas & {process.pid for process in there})

    def add_node(self) -> None:
        """Another one in its place."""
        self._second = self._cluster.add_node(**self._size)

    def close(self) -> None:
        """End all processes."""
        import ray
        from ray import serve

        serve.shutdown()
        ray.shutdown()
        self._cluster.shutdown()
