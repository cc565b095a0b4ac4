"""Rolling updates of models: the repository is polled, and scanned on SIGHUP."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ntm.repository.folders import RepositoryError
from service.models.compiler import Compiler
from service.models.served import LoadedModel, Models
from service.settings import Settings
from service.telemetry.metrics import Metrics

log = logging.getLogger("ntm.models")


class Rollout:
    """Keeps the models served as they lie in the repository."""

    def __init__(
        self,
        models: Models,
        metrics: Metrics,
        settings: Settings,
        compiler: Compiler,
        grace: float | None = None,
    ) -> None:
        """`grace` is seconds that a retired model still takes requests; a request's by default."""
        self._models, self._metrics, self._settings = models, metrics, settings
        self._compiler = compiler
        self._grace = settings.request_timeout if grace is None else grace
        self._looking = asyncio.Lock()
        self._requested = asyncio.Event()
        self._retiring: set[asyncio.Task[None]] = set()

    def ask(self) -> None:
        """Look now instead of later."""
        self._requested.set()

    async def compile(self) -> None:
        """Have the native engine compiled where it would serve better, and take it once it is."""
        if self._models.wants_native() and await self._compiler.run():
            self.ask()

    async def run(self) -> None:
        """Look whenever it is time, for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.poll or None):
                    await self._requested.wait()
            requested = self._requested.is_set()
            self._requested.clear()
            try:
                await self.look(retry_broken=requested)
            except RepositoryError as error:  # perhaps a mount that comes back: serve on
                log.error("the models stay as they are: %s", error)
            except Exception:
                log.exception("the models stay as they are")

    async def look(self, *, retry_broken: bool) -> None:
        """Load on another thread, swap between two requests, let the old ones finish."""
        async with self._looking:
            change = await asyncio.to_thread(self._models.look, retry_broken=retry_broken)
            self._models.take(change)
        for model in change.removed:
            self._metrics.forget(model)
            task = asyncio.create_task(self._retire(model))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)
        self._metrics.watch(change.added)

    async def _retire(self, model: LoadedModel) -> None:
        """Let go of a model, but not before those who have found it had the time to use it."""
        await asyncio.sleep(self._grace)
        await asyncio.to_thread(self._models.release, model)


@asynccontextmanager
async def rolling_out(
    models: Models, metrics: Metrics, settings: Settings, compiler: Compiler
) -> AsyncIterator[Rollout]:
    """Keep the models up to date for as long as the service runs."""
    rollout = Rollout(models, metrics, settings, compiler)
    loop = asyncio.get_running_loop()
    tasks = [asyncio.create_task(rollout.run()), asyncio.create_task(rollout.compile())]
    takes_signals = threading.current_thread() is threading.main_thread()
    if takes_signals:
        loop.add_signal_handler(signal.SIGHUP, rollout.ask)
    try:
        yield rollout
    finally:
        if takes_signals:
            loop.remove_signal_handler(signal.SIGHUP)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # too late to matter, no reason to die
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
