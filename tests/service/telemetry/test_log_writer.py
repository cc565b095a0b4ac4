"""A log that nobody reads stops nothing; what is read is whole."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest

from service.telemetry.log_writer import LogWriter
from tests.command_line import ENVIRONMENT, NTM
from tests.service.running import CLEAN, LISTENING, PATIENCE

REQUESTS = 700  # whose lines are more than a pipe takes
PIPE = 65_536  # bytes


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Its two ends."""
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        os.close(end)


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, __file__, 1, message, (), None)


def test_lines_beyond_the_buffer_are_dropped_and_counted(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.write(writing, b"x" * PIPE)  # nothing more goes in
    writer = LogWriter(writing, buffer=100)
    for _ in range(1000):
        writer.handle(record("nine long"))
    assert writer.dropped >= 1000 - 2 * 10  # one buffer is being written, another waits
    written = 1000 - writer.dropped
    drain = threading.Thread(target=writer.close)
    drain.start()
    found = b""
    while found.count(b"nine long\n") < written:
        found += os.read(reading, PIPE)
    drain.join()
    assert found.count(b"nine long\n") == written


def test_a_reader_that_is_gone_costs_lines_only() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = LogWriter(writing)
    writer.handle(record("to nobody"))
    writer.close()
    os.close(writing)
    assert writer.dropped == 1


def test_what_is_logged_last_is_written_at_the_end_of_the_process() -> None:
    code = (
        "import logging\n"
        "from service.telemetry.log_writer import LogWriter\n"
        "logging.basicConfig(handlers=[LogWriter(2)], format='%(message)s', level='INFO')\n"
        "logging.info('the last line')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, env=ENVIRONMENT)
    assert ended.stderr == b"the last line\n"


def launch(models: Path, folder: Path) -> "subprocess.Popen[bytes]":
    """A service whose log is a pipe."""
    settings = {"NTM_MODELS": str(models), "NTM_DATA": str(folder), "NTM_PORT": "0"}
    return subprocess.Popen(
        [*NTM, "serve"],
        env=CLEAN | settings | {"NTM_ENGINE": "onnx"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def await_url(log: IO[bytes]) -> str:
    """Read the log up to the line that says where it listens, and no further."""
    for line in log:
        if found := LISTENING.search(line.decode()):
            return found[1]
    raise AssertionError("the service did not start")


def test_a_log_that_nobody_reads_stops_no_request_and_no_end(
    repository: Path, tmp_path: Path
) -> None:
    process = launch(repository, tmp_path / "data")
    assert process.stderr is not None
    try:
        url = await_url(process.stderr)
        with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as client:
            for number in range(REQUESTS):
                assert client.get("/v2", headers={"X-Request-ID": str(number)}).status_code == 200
            assert "ntm_log_lines_dropped_total 0.0" in client.get("/metrics").text
        process.terminate()
        lines = [json.loads(line) for line in process.stderr]  # those that waited come first
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stderr.close()
    answered = [line["request_id"] for line in lines if line.get("route") == "/v2"]
    assert answered == [str(number) for number in range(REQUESTS)]


def test_the_end_does_not_wait_for_a_reader(repository: Path, tmp_path: Path) -> None:
    process = launch(repository, tmp_path / "data")
    assert process.stderr is not None
    try:
        with httpx.Client(
            base_url=await_url(process.stderr), timeout=PATIENCE, trust_env=False
        ) as client:
            for _ in range(REQUESTS):
                client.get("/v2")
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stderr.close()
