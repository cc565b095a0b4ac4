"""The client whose answers are awaited; its methods are those of `Client`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from numpy.typing import ArrayLike

from ntm.answers import Answer
from ntm.client import calls
from ntm.client.answers import Example, ModelSummary, Piece, Prediction
from ntm.client.calls import Call
from ntm.client.errors import NotFound, Unreachable, error_of
from ntm.client.retries import Retries
from ntm.picture import Trace

Told = TypeVar("Told")


class AsyncClient:
    """A service at a URL; close it, or use it as a context manager."""

    def __init__(
        self,
        url: str = "http://localhost:8000",
        *,
        key: str | None = None,
        timeout: float = 60.0,
        retries: Retries | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        **options: Any,
    ) -> None:
        """Connect when something is asked.

        Args:
            url: of the service, with its NTM_ROOT_PATH if it has one
            key: one of its NTM_API_KEYS, where it asks for one
            timeout: seconds that one try may take
            retries: what is tried again, and when; `Retries(most=0)` tries nothing again
            sleep: what waits between tries
            options: for `httpx.AsyncClient`, such as `verify`, `proxy` or `transport`
        """
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, **options)
        self._retries, self._sleep = retries or Retries(), sleep

    async def models(self) -> list[ModelSummary]:
        """The models that are served."""
        return await self._run(calls.models())

    async def example(
        self, model: str, *, version: int | None = None, seed: int = 1, **sizes: int
    ) -> Example:
        """An example of a model's task; `sizes` are those of the task, such as `length=20`."""
        return await self._run(calls.example(model, version, seed, sizes))

    async def predict(
        self,
        model: str,
        sequence: ArrayLike | None = None,
        *,
        text: str | Sequence[str] | None = None,
        target: ArrayLike | None = None,
        version: int | None = None,
        memory_slots: int | None = None,
        include: str | Sequence[str] = (),
        interventions: Sequence[Any] = (),
        record: bool = True,
    ) -> Prediction:
        """Run a model on a sequence or a text.

        Args:
            model: a name
            sequence: [T, input_size]
            text: in its place, sentences and questions, for a model with a vocabulary
            target: [T, output_size], NaN where it does not matter; wrong bits are counted then
            version: the highest one by default
            memory_slots: N, the model's own by default
            include: weightings, groups of stages and single stages to answer with
            interventions: what to change in the run
            record: keep a trace of it
        Raises:
            ServiceError: one of its kinds, by what is wrong
        """
        options = {
            "version": version,
            "memory_slots": memory_slots,
            "include": calls.names(include),
            "interventions": list(interventions),
            "record": record,
        }
        return await self._run(calls.predict(model, sequence, text, target, options))

    async def ask(self, model: str, text: str | Sequence[str]) -> Answer:
        """The answer to the last question of a text: the word, its rivals, what every hop saw."""
        answer = (await self.predict(model, text=text, record=False)).answer
        assert answer is not None  # a text without a question is refused
        return answer

    async def trace(
        self,
        trace_id: str,
        *,
        include: str | Sequence[str] = (),
        steps: str | None = None,
        heads: str | Sequence[str] = (),
    ) -> Trace:
        """A trace that the service keeps.

        Args:
            trace_id: of a prediction, or the id of a session
            include: groups of stages and single ones; all but the memory by default
            steps: "a:b", all by default
            heads: such as "read.0", all by default
        """
        return await self._run(calls.trace(trace_id, include, steps, heads))

    async def forget(self, trace_id: str) -> None:
        """Delete a trace."""
        await self._run(calls.forget_trace(trace_id))

    async def session(
        self,
        model: str,
        *,
        version: int | None = None,
        memory_slots: int | None = None,
        keep: bool = False,
    ) -> "AsyncSession":
        """Open a session, a sequence that is fed piece by piece.

        Args:
            model: a name
            version: the highest one by default
            memory_slots: N, the model's own by default
            keep: leave it and its trace to the service when the context ends
        """
        told = await self._run(calls.open_session(model, version, memory_slots))
        return AsyncSession(self, told, keep)

    async def resume(self, session_id: str, *, keep: bool = False) -> "AsyncSession":
        """Go on with a session where it is, after a crash of this program for example."""
        return AsyncSession(self, await self._run(calls.find_session(session_id)), keep)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, call: Call[Told]) -> Told:
        """Ask until there is an answer or no try is left."""
        tried = 0
        while True:
            response, lost = None, ""
            try:
                response = await self._http.send(call.request(self._http))
            except httpx.TransportError as error:
                lost = f"{self._http.base_url}: {error or type(error).__name__}"
            if response is not None and response.is_success:
                return call.read(response.content)
            tried += 1
            pause = self._retries.pause(tried, response)
            if pause is None:
                raise Unreachable(lost) if response is None else error_of(response)
            await self._sleep(pause)


class AsyncSession:
    """A sequence that is fed piece by piece; in a `with` statement it is closed at its end."""

    def __init__(self, client: AsyncClient, told: dict[str, Any], keep: bool) -> None:
        self._client, self._keep = client, keep
        self.id: str = told["session_id"]
        self.model: str = told["model"]
        self.version: int = told["version"]
        self.memory_slots: int = told["memory_slots"]
        self.position: int = told["position"]  # the step that the next piece begins with

    async def feed(
        self,
        sequence: ArrayLike | None = None,
        *,
        text: str | Sequence[str] | None = None,
        include: str | Sequence[str] = (),
    ) -> Piece:
        """Feed the next steps [T, input_size], or sentences.

        However often it has to be sent, the piece counts once.
        """
        piece = await self._client._run(calls.feed(self.id, self.position, sequence, text, include))
        self.position = piece.next_position
        return piece

    async def ask(self, text: str | Sequence[str]) -> Answer:
        """Feed sentences that end with a question, and the answer to it."""
        answer = (await self.feed(text=text)).answer
        if answer is None:
            raise ValueError("the text has no question: a sentence with a question mark")
        return answer

    async def trace(self, **options: Any) -> Trace:
        """Its trace so far; the options of `AsyncClient.trace`."""
        return await self._client.trace(self.id, **options)

    async def close(self) -> None:
        """Have the service forget the session and its trace."""
        with suppress(NotFound):  # it expired, or the answer to an earlier try was lost
            await self._client._run(calls.close_session(self.id))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._keep:
            return
        if kind is None:
            await self.close()
            return
        with suppress(Exception):  # what went wrong before is what is to be told
            await self.close()
