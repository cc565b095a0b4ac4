"""Worker processes and their supervisor: several servers on one listening socket."""

import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import MutableSequence
from multiprocessing import connection
from multiprocessing.context import SpawnProcess

from ntm.repository.folders import RepositoryError
from service.app import create_app
from service.engines import EngineUnavailable
from service.http.key_file import KeysRefused
from service.process.balance import AWAY, Balance
from service.process.server import Server
from service.settings import Settings
from service.store import StoreRefused
from service.telemetry import logs
from service.telemetry.together import forget_process, shared_metrics

log = logging.getLogger("ntm.workers")

CANNOT_START = 3  # exit code of a worker that would fail again
PAUSE = 1.0  # seconds before a worker that died is replaced
# Seconds. Engine and store release the interpreter lock many times a request, and wait up to one
# switch interval to get it back; the default of 5 ms is longer than a whole chunk.
SWITCH_INTERVAL = 0.0005
# Objects made and not freed, after which cycles are looked for. Requests in flight at once have
# thousands, and leave no cycles: with Python's 700, looking through them takes 3 % of all time.
YOUNG = 5000
KILL_AFTER = 10.0  # seconds beyond NTM_DRAIN_TIMEOUT until a worker is killed


class Supervisor:
    """Starts the workers, replaces one that dies, ends them all together."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings, self._listener = settings, listener
        self._workers: dict[int, SpawnProcess] = {}
        self._spawn = multiprocessing.get_context("spawn")
        self._counts = self._spawn.RawArray("i", [AWAY] * settings.workers)
        self._stop_by: float | None = None
        self._failed = False

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; the exit code."""
        with shared_metrics():
            return self._run()

    def _run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: self._stop())
        signal.signal(signal.SIGHUP, lambda number, frame: self._send_signal(signal.SIGHUP))
        for index in range(self._settings.workers):
            self._start(index)
        while self._workers:
            connection.wait([worker.sentinel for worker in self._workers.values()], timeout=1)
            for index, worker in list(self._workers.items()):
                if not worker.is_alive():
                    self._bury(index, worker)
            if self._stop_by is not None and time.monotonic() > self._stop_by:
                self._send_signal(signal.SIGKILL)
        return int(self._failed)

    def _start(self, index: int) -> None:
        arguments = self._settings, self._listener, self._counts, index
        worker = self._spawn.Process(target=work, args=arguments)
        self._workers[index] = worker
        worker.start()
        if self._stop_by is not None:  # the signal came while it was being started
            worker.terminate()

    def _bury(self, index: int, worker: SpawnProcess) -> None:
        """Clean up after a worker that has ended, and replace it unless all are to end."""
        del self._workers[index]
        if worker.pid is not None:
            forget_process(worker.pid)
        self._counts[index] = AWAY
        if worker.exitcode == CANNOT_START:
            self._failed = True
            self._stop()
        elif self._stop_by is None:
            log.error("worker %s ended with %s and is replaced", index, worker.exitcode)
            time.sleep(PAUSE)
            self._start(index)

    def _stop(self) -> None:
        if self._stop_by is None:
            self._stop_by = time.monotonic() + self._settings.drain_timeout + KILL_AFTER
        self._send_signal(signal.SIGTERM)

    def _send_signal(self, number: signal.Signals) -> None:
        for worker in list(self._workers.values()):
            if worker.pid is not None and worker.is_alive():
                os.kill(worker.pid, number)


def work(
    settings: Settings, listener: socket.socket, counts: MutableSequence[int], index: int
) -> None:
    """One worker process, from its start to its end."""
    logs.configure()
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all processes; the supervisor sends SIGTERM
    take_share_of_cores(index, settings.workers)
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        serve(settings, listener, Balance(counts, index))
    except (EngineUnavailable, KeysRefused, RepositoryError, StoreRefused) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(CANNOT_START)


def serve(settings: Settings, listener: socket.socket, balance: Balance) -> None:
    """Serve in this process until a signal ends it.

    Raises:
        EngineUnavailable: the engine or device asked for cannot be had
        RepositoryError: there is no model to serve
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the application listens to it
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = create_app(settings)
    gc.collect()
    gc.freeze()  # these objects live as long as the process; collecting over them takes 60 ms
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    Server(app, settings, app.state.context.work, balance).run(sockets=[listener])


def take_share_of_cores(index: int, workers: int) -> None:
    """Pin each worker to cores of its own, where there are enough."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) >= workers:
        os.sched_setaffinity(0, cores[index::workers])


def end_with_parent() -> None:
    """Drain when the supervisor has ended, for any reason."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
