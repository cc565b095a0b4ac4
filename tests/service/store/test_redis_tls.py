"""Redis behind TLS: what its certificate must be, and what is said where it is not."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.bodies import array, body, draw, same
from tests.service.redis_server import RedisServer, needs_redis
from tests.service.running import await_that, serving
from tests.service.sessions.streams import begin, outputs, send

pytestmark = [
    needs_redis,
    pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed"),
]


class TlsRedis(RedisServer):
    """Listens with a certificate of its own making, and without TLS not at all."""

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def url(self) -> str:
        return f"rediss://localhost:{self.port}/0"

    def listening(self) -> list[str]:
        key = self.folder / "key.pem"
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        make += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        make += ["-keyout", str(key), "-out", str(self.certificate)]
        subprocess.run(make, check=True, capture_output=True)
        files = ["--tls-cert-file", str(self.certificate), "--tls-key-file", str(key)]
        files += ["--tls-ca-cert-file", str(self.certificate), "--tls-auth-clients", "no"]
        return ["--port", "0", "--tls-port", str(self.port), *files]

    def connect(self) -> socket.socket:
        context = ssl.create_default_context(cafile=self.certificate)
        return context.wrap_socket(super().connect(), server_hostname="localhost")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsRedis]:
    server = TlsRedis(tmp_path_factory.mktemp("tls"))
    server.start()
    yield server
    server.kill()


def test_traces_and_sessions_are_kept_behind_tls(
    repository: Path, tmp_path: Path, store: TlsRedis
) -> None:
    url = f"{store.url}?ssl_ca_certs={store.certificate}"
    with serving(repository, tmp_path, store=url) as server, server.client() as client:
        made = client.post("/predict", json=body()).json()
        told = client.get(f"/trace/{made['trace_id']}?include=outputs").json()
        assert same(array(told["outputs"]), array(made["outputs"]))
        session = begin(client)
        assert len(outputs(send(client, session, draw(3), position=0))) == 3
        assert client.get(f"/sessions/{session}").json()["position"] == 3
    assert b"$" in store.ask("RANDOMKEY")


def test_a_certificate_that_nobody_vouches_for_is_told(
    repository: Path, tmp_path: Path, store: TlsRedis
) -> None:
    with serving(repository, tmp_path, store=store.url) as server, server.client() as client:
        assert client.post("/predict", json=body()).json()["trace_id"] is None
        assert client.get("/trace").status_code == 503
        await_that(lambda: "CERTIFICATE_VERIFY_FAILED" in server.log.read_text())
