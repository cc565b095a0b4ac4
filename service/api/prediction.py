"""POST /predict without a task: a short request is read, walked and answered in callbacks.

A task, the coroutines from the server to the scheduler and back, and a future take as long as all
else that is done for a request in Python. What is asked and answered is what `routes/predict.py`
says. Whoever asks in an unusual way goes the usual way; what takes long to answer gets a task then.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from functools import lru_cache

from starlette.types import Message, Scope

from service.api.context import Context, media_of
from service.api.predict import (
    NOT_KEPT,
    Asked,
    answer,
    kind_of_answer,
    plan_of,
    respond,
    understand,
)
from service.api.recording import Recording
from service.contract.encodings import ENCODERS, MEDIA_TYPES, effort
from service.errors import ClientGone, ServiceError, StoreUnavailable, error_body, status_of
from service.http.compression import WORTH, accepts_gzip, compressed
from service.http.headers import header, lines
from service.http.keys import Keys, owner
from service.http.offload import SMALL
from service.http.security_headers import with_security
from service.scheduling.events import Outcome, outcome_of
from service.scheduling.interface import Leave
from service.scheduling.scheduler import too_late
from service.scheduling.walk import Walked
from service.telemetry.logs import request_id
from service.telemetry.request_log import ID_HEADER, Answered, RequestLog, choose_id

log = logging.getLogger("ntm.server")

ROUTE = "/predict"
SPANS = "opentelemetry.sdk"  # who wants spans gets them from FastAPI, on the usual way
UNUSUAL = frozenset(
    (b"content-encoding", b"transfer-encoding", b"x-forwarded-for", b"x-forwarded-proto")
)
JSON_OF = 16  # bytes at most that a number becomes

Write = Callable[[int, bytes, bytes], None]


class FastPath:
    """What all requests share that are answered so."""

    def __init__(self, context: Context, keys: Keys, request_log: RequestLog) -> None:
        """Work with what the usual way works with."""
        self.context, self.keys, self.request_log = context, keys, request_log
        self._begun: list[Errand] = []

    def takes(self, scope: Scope) -> bool:
        """Whether a request, whose body is yet to come, is one to be answered here."""
        if scope["method"] != "POST" or scope["path"] != ROUTE or SPANS in sys.modules:
            return False
        length = b""
        for name, value in scope["headers"]:
            if name in UNUSUAL:
                return False
            if name == b"content-length":
                length = value
        if not length.isdigit() or int(length) > min(SMALL, self.context.settings.max_body_bytes):
            return False
        try:
            self.keys.owner_of(scope)
            return self.context.work.counts(scope)
        except ServiceError:  # it is told on the usual way
            return False

    def begin(self, scope: Scope, body: bytes, write: Write) -> "Errand":
        """Read a request and have it walked.

        Args:
            scope: of a request that this `takes`
            body: all of it
            write: called once, with status, header lines and body of the answer
        """
        errand = Errand(self, scope, write)
        errand.begin(body)
        return errand

    def give_time(self, errand: "Errand") -> None:
        """Set its timer unless it is answered in this turn of the event loop, as most are."""
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._set_timers)
        self._begun.append(errand)

    def _set_timers(self) -> None:
        begun, self._begun = self._begun, []
        for errand in begun:
            if not errand.done():
                errand.set_timer()


class Errand:
    """One request on its way; to the scheduler it is a `Waiter`, as a future is."""

    _asked: Asked
    _recording: Recording | None
    _timeout: float

    def __init__(self, path: FastPath, scope: Scope, write: Write) -> None:
        self._path, self._scope, self._write = path, scope, write
        self._id = choose_id(header(scope, ID_HEADER))
        self._owner = path.keys.owner_of(scope)
        self._started = time.perf_counter()
        self._loop = asyncio.get_running_loop()
        self._done = self._answered = False
        self._leave_queue: Leave | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self, body: bytes) -> None:
        """Read it and have it walked; what is wrong with it is answered at once."""
        context, scope = self._path.context, self._scope
        context.work.running += 1
        id_token, owner_token = request_id.set(self._id), owner.set(self._owner)
        try:
            asked = self._asked = understand(media_of(scope), body, context)
            scope["state"]["model"] = asked.model.name
            plan = plan_of(asked, context)
            self._recording, self._timeout = plan.recording, plan.terms.timeout
            self._leave_queue = asked.model.scheduler.submit(plan.walk, plan.terms, self)
            self._path.give_time(self)
        except Exception as error:
            self._refuse(error)
        finally:
            owner.reset(owner_token)
            request_id.reset(id_token)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """See `Waiter`."""
        return self._loop

    def done(self) -> bool:
        """See `Waiter`."""
        return self._done

    def set_result(self, walked: Walked) -> None:
        """See `Waiter`: answer, or begin to where that takes long."""
        try:
            self._leave("ok")
            accept = header(self._scope, b"accept")
            if self._takes_long(accept, walked):
                self._task = self._loop.create_task(self._answer_later(accept, walked))
            else:
                self._answer(accept, walked)
        except Exception as error:
            self._refuse(error)

    def set_exception(self, error: Exception) -> None:
        """See `Waiter`: say why there is no answer."""
        self._leave(outcome_of(error))
        self._refuse(error)

    def set_timer(self) -> None:
        """Give it up when its time is over."""
        left = self._started + self._timeout - time.perf_counter()
        self._timer = self._loop.call_later(max(left, 0), self._give_up)

    def client_left(self) -> None:
        """Free its place; nobody reads an answer any more."""
        if not self._done:
            self._leave("cancelled")
            self._refuse(ClientGone("the client went away"))

    def _give_up(self) -> None:
        self._leave("timed_out")
        self._refuse(too_late(self._timeout))

    def _leave(self, outcome: Outcome) -> None:
        self._done = True
        if self._timer is not None:
            self._timer.cancel()
        if self._leave_queue is not None:
            leave, self._leave_queue = self._leave_queue, None  # it knows who waits: else a circle
            leave(outcome)

    def _takes_long(self, accept: str | None, walked: Walked) -> bool:
        if self._recording is not None and not self._recording.is_settled:
            return True
        kind = kind_of_answer(accept)
        size = effort(kind, {"outputs": walked.outputs, **walked.values})
        if size * JSON_OF <= WORTH:
            return False
        return size > SMALL or accepts_gzip(header(self._scope, b"accept-encoding") or "")

    def _answer(self, accept: str | None, walked: Walked) -> None:
        trace_id, more = None, b""
        if self._recording is not None:
            try:
                trace_id = self._recording.settled_id()
            except StoreUnavailable:
                more = lines((name.encode(), value.encode()) for name, value in NOT_KEPT.items())
        facts, tensors = answer(self._asked, walked, trace_id)
        kind = kind_of_answer(accept)
        self._send(200, more, MEDIA_TYPES[kind], ENCODERS[kind](facts, tensors))

    async def _answer_later(self, accept: str | None, walked: Walked) -> None:
        request_id.set(self._id)
        owner.set(self._owner)
        head: Message = {}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
                return
            status, body = head["status"], message["body"]
            told = lines([*with_security(head["headers"]), (ID_HEADER, self._id.encode())])
            self._write_once(status, told, body)

        try:
            response = await respond(self._asked, self._recording, walked, accept)
            await compressed(response, self._scope)(self._scope, nothing_more, send)
        except Exception as error:
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        self._done = True
        status, code, message, more = 500, "internal_error", "internal error", b""
        if isinstance(error, ServiceError):
            status, code, message = status_of(error, ROUTE), error.code, str(error)
            if error.retry_after is not None:
                more = b"retry-after: %d\r\n" % error.retry_after
        else:
            log.error("a request failed", exc_info=error, extra={"facts": {"request_id": self._id}})
        self._scope["state"]["code"] = code
        self._send(status, more, "application/json", error_body(message, code))

    def _send(self, status: int, more: bytes, media: str, body: bytes) -> None:
        told = b"content-length: %d\r\n%sx-request-id: %s\r\n"
        head = told % (len(body), same_lines(media), self._id.encode())
        self._write_once(status, more + head, body)

    def _write_once(self, status: int, head: bytes, body: bytes) -> None:
        """Write the answer; counted as answered also where it cannot be written."""
        if self._answered:
            return
        self._answered = True
        try:
            self._write(status, head, body)
        finally:
            self._tell(status, body)

    def _tell(self, status: int, body: bytes) -> None:
        self._path.context.work.running -= 1
        code = self._scope["state"].get("code", "ok")
        seconds = time.perf_counter() - self._started
        answered = Answered(ROUTE, status, code, len(body), seconds)
        self._path.request_log.tell(self._scope, self._id, answered)


@lru_cache
def same_lines(media: str) -> bytes:
    """The header lines that all answers of this media type have."""
    return lines(with_security([(b"content-type", media.encode())]))


async def nothing_more() -> Message:
    """What an answer may receive of a request that has been read."""
    return {"type": "http.disconnect"}
