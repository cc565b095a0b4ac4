"""Nothing leaves the machine that its user did not ask to send: every system call is watched."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest

from ntm.repository.folders import VersionFolder
from ntm.silence import OPTED_OUT
from tests import compiled, small_models
from tests.command_line import NTM, ROOT
from tests.service.running import PATIENCE, await_ready

ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')

pytestmark = pytest.mark.skipif(
    not shutil.which("strace"), reason="strace is not installed: no system call can be watched"
)


def clean(home: Path) -> dict[str, str]:
    """The variables of a user who has asked for nothing."""
    home.mkdir(exist_ok=True)
    ours = ("NTM_", "ORT_", "RAY_", "XDG_", "DO_NOT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"HOME": str(home), "PYTHONPATH": str(ROOT)}


def watched(calls: Path, command: Sequence[str]) -> list[str]:
    """The command under strace, all its threads and children."""
    return [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-e",
        "trace=%network",
        "-o",
        str(calls),
        *command,
    ]


def assert_silent(home: Path, calls: Path) -> None:
    """No address but this machine's, no name looked up, no identity made."""
    found = [v4 or v6 for v4, v6 in ADDRESS.findall(calls.read_text())]
    away = [a for a in found if not (ip_address(a).is_loopback or ip_address(a).is_unspecified)]
    assert not away
    assert "sin_port=htons(53)" not in calls.read_text()
    assert not list(home.rglob("*Microsoft*"))
    assert not list(home.rglob("deviceid"))


def run(home: Path, command: Sequence[str | Path]) -> None:
    """To its end, and in silence."""
    calls = home.with_suffix(".calls")
    done = subprocess.run(
        watched(calls, list(map(str, command))), env=clean(home), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert_silent(home, calls)


def test_the_watch_would_see_it(tmp_path: Path) -> None:
    """As ONNX Runtime is by itself, and as a datagram to elsewhere looks."""
    home, calls = tmp_path / "home", tmp_path / "calls"
    send = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
    subprocess.run(
        watched(calls, [sys.executable, "-c", f"import onnxruntime\n{send}"]),
        env=clean(home),
        capture_output=True,
    )
    assert "192.0.2.1" in calls.read_text()
    with pytest.raises(AssertionError):
        assert_silent(home, calls)


def test_the_service_is_silent(repository: Path, tmp_path: Path) -> None:
    """From its start to its end, with a prediction, its trace and a replay."""
    home, calls, log = tmp_path / "home", tmp_path / "calls", tmp_path / "log"
    settings = {
        "NTM_MODELS": str(repository),
        "NTM_DATA": str(tmp_path / "data"),
        "NTM_COMPILED": str(compiled.FOLDER),
        "NTM_PORT": "0",
    }
    with log.open("wb") as written:
        process = subprocess.Popen(
            watched(calls, [*NTM, "serve"]),
            env=clean(home) | settings,
            stdout=written,
            stderr=written,
        )
    try:
        server = await_ready(process, log)
        with server.client() as client:
            use(client)
        end(process)
    finally:
        process.kill()
        process.wait(PATIENCE)
    assert "127.0.0.1" in calls.read_text()
    assert_silent(home, calls)


def use(client: httpx.Client) -> None:
    """Every engine, and what is read of a run."""
    example = client.get("/models/copy/example").json()
    answer = client.post("/predict", json=example).json()
    assert client.get(f"/trace/{answer['trace_id']}").status_code == 200
    assert client.get(f"/trace/{answer['trace_id']}/findings").status_code == 200
    assert client.get("/v2").status_code == client.get("/metrics").status_code == 200


def end(strace: "subprocess.Popen[bytes]") -> None:
    """The watched process gets the signal: strace keeps its own to itself."""
    children = Path(f"/proc/{strace.pid}/task/{strace.pid}/children").read_text().split()
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(int(child), 15)
    assert strace.wait(PATIENCE) == 0


def test_export_and_prediction_on_the_command_line_are_silent(tmp_path: Path) -> None:
    folder: VersionFolder = small_models.save(tmp_path / "models", "copy")
    run(tmp_path / "exporting", [*NTM, "export", folder.path])
    run(tmp_path / "predicting", [*NTM, "predict", folder.path, "--show"])


def test_variables_are_set_before_any_import_and_a_users_own_stay(tmp_path: Path) -> None:
    """Ray starts processes of its own: what they inherit is what counts."""
    told = f"import os, ntm; print([os.environ[name] for name in {list(OPTED_OUT)}])"
    for own in ({}, {"RAY_USAGE_STATS_ENABLED": "1"}):
        done = subprocess.run(
            [sys.executable, "-c", told], env=clean(tmp_path / "home") | own, capture_output=True
        )
        assert done.stdout.decode().strip() == str(list((OPTED_OUT | own).values()))
