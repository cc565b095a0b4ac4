"""Asynchronous logging with a bounded buffer: a log that nobody reads blocks no request.

Standard error is usually a pipe to a log collector. When the collector stops reading, a write to
the pipe blocks, and on the event loop it would block every request. So lines are formatted where
they are logged, and a thread writes those of some milliseconds at once.
`logging.handlers.QueueListener` would wake its thread, and switch threads, for every line.
"""

import logging
import os
import select
import threading

BUFFER = 4 * 2**20  # bytes that wait to be written; a line beyond them is dropped, and counted
PAUSE = 0.02  # seconds in which lines gather
FLUSH = 2.0  # seconds that the last lines get at the end of the process


class LogWriter(logging.Handler):
    """Writes what is logged to a file descriptor, on a thread of its own."""

    def __init__(self, descriptor: int, buffer: int = BUFFER) -> None:
        """Start the thread.

        Args:
            descriptor: to write to; it stays open
            buffer: bytes that may wait
        """
        super().__init__()
        self.dropped = 0  # lines
        self._descriptor, self._buffer = descriptor, buffer
        self._lines: list[bytes] = []
        self._size = self._reported = 0
        # Not the handler's own lock: `logging` holds that one while it closes the handler.
        self._buffering = threading.Lock()
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Format the line and leave it to the thread."""
        try:
            line = f"{self.format(record)}\n".encode()
        except Exception:
            self.handleError(record)
            return
        with self._buffering:
            if self._size + len(line) > self._buffer:
                self.dropped += 1
                return
            self._lines.append(line)
            self._size += len(line)
        if not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Write what waits, for as long as somebody reads it; `logging` calls this at the end."""
        self._closing.set()
        self._wake.set()
        self._thread.join(FLUSH)
        super().close()

    def _run(self) -> None:
        ended = False
        while not ended:
            self._wake.wait()
            self._closing.wait(PAUSE)
            ended = self._closing.is_set()
            self._wake.clear()
            self._write(*self._take())
            self._report()

    def _take(self) -> tuple[bytes, int]:
        """The lines in the buffer, joined, and their number."""
        with self._buffering:
            lines, self._lines, self._size = self._lines, [], 0
        return b"".join(lines), len(lines)

    def _report(self) -> None:
        """Say how many lines are missing, once there is a reader again."""
        if missing := self.dropped - self._reported:
            self._reported += missing
            logging.getLogger("ntm.log").warning("%s lines of log found no reader", missing)

    def _write(self, lines: bytes, count: int) -> None:
        """Write all of it; count the lines as dropped where the pipe has no reader any more."""
        left = memoryview(lines)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # another process made the pipe so
                select.select([], [self._descriptor], [])
            except OSError:
                self._reported += count
                self.dropped += count
                return


def dropped() -> int:
    """Lines of this process that were logged and not written."""
    writers = (h for h in logging.getLogger().handlers if isinstance(h, LogWriter))
    return sum(writer.dropped for writer in writers)
