"""Keys with names, roles and rates, from a file that is read again when it changes."""

import asyncio
import hashlib
import logging
import os
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.errors import Forbidden, TooManyRequests, Unauthorized
from service.http.key_file import KeyFile, KeysRefused
from service.http.keys import Keys
from service.http.rates import Rates
from service.models.served import Models
from service.settings import Settings
from tests.service.bodies import body

SECRET = "a-secret-key"
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()
FILE = f"""
[[key]]
name = "page"
key = "page-key"
roles = ["read"]

[[key]]
name = "app"
sha256 = "{DIGEST}"
roles = ["read", "predict"]
rate = 2

[[key]]
name = "ops"
key = "ops-key"
roles = ["operate"]
"""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file."""
    path = tmp_path / "keys.toml"
    path.write_text(FILE)
    return path


def replace(path: Path, text: str) -> None:
    """Write a file as an editor or Kubernetes does: a new one in the place of the old."""
    path.with_suffix(".new").write_text(text)
    os.replace(path.with_suffix(".new"), path)


def asks(keys: Keys, key: str, path: str = "/models", method: str = "GET") -> str:
    """The owner that a request is let in as."""
    headers = [(b"authorization", f"Bearer {key}".encode())]
    return keys.owner_of({"type": "http", "method": method, "path": path, "headers": headers})


def test_a_file_has_keys_and_digests_of_keys_with_names_and_roles(path: Path) -> None:
    page, app, ops = KeyFile(path, Clock()).keys()
    assert (page.name, page.roles, page.rate) == ("page", {"read"}, None)
    assert (app.digest.hex(), app.roles, app.rate) == (DIGEST, {"read", "predict"}, 2.0)
    assert len({page.owner, app.owner, ops.owner}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("", "key: Field required"),
        ("[[key]", "is not TOML: at line 1"),
        ("a = " + "[" * 10_000, "is nested too deeply"),
        ("a = " + "9" * 5000, "a number that is too long"),
        (f'[[key]]\nname = "{SECRET}\n', "is not TOML: at line 2"),
        (f'[[key]]\nname = "a"\nkey = "{SECRET}"\n', "key.0.roles: Field required"),
        (f'[[key]]\nname = "a"\nkey = "{SECRET}"\nroles = []\n', "at least 1 item"),
        (f'[[key]]\nname = "a"\nkey = "{SECRET}"\nroles = ["admin"]\n', "'read', 'predict'"),
        (f'[[key]]\nname = "a b"\nkey = "{SECRET}"\nroles = ["read"]\n', "key.0.name"),
        (f'[[key]]\nname = "a"\nkey = "{SECRET}"\nroles = ["read"]\nrate = 0\n', "greater than 0"),
        (f'[[key]]\nname = "a"\nkey = "{SECRET}"\nroles = ["read"]\nlimit = 1\n', "key.0.limit"),
        ('[[key]]\nname = "a"\nroles = ["read"]\n', "either key or sha256"),
        ('[[key]]\nname = "a"\nroles = ["read"]\nkey = ""\n', "either key or sha256"),
        (f'[[key]]\nname = "a"\nroles = ["read"]\nsha256 = "{DIGEST[:-1]}"\n', "key.0.sha256"),
        (FILE.replace("page-key", SECRET), "one key twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_without_a_word_of_its_keys(
    path: Path, text: str | None, message: str
) -> None:
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with pytest.raises(KeysRefused) as refused:
        KeyFile(path, Clock())
    assert message in str(refused.value)
    assert SECRET not in str(refused.value)


def test_keys_are_rotated_while_they_are_used(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    keys = Keys([], file=KeyFile(path, clock))
    owner = asks(keys, "page-key")
    both = (
        FILE.replace("page-key", "next-key")
        + '[[key]]\nname="page"\nkey="page-key"\nroles=["read"]'
    )
    for text, accepted, refused in (
        (both, ("page-key", "next-key"), ()),
        (FILE.replace("page-key", "next-key"), ("next-key",), ("page-key",)),
        ("[[key]", ("next-key",), ("page-key",)),  # a slip of an editor lets nobody in or out
    ):
        replace(path, text)
        clock.now += 1
        for key in accepted:
            assert asks(keys, key) == owner  # what a name has it keeps
        for key in refused:
            with pytest.raises(Unauthorized):
                asks(keys, key)
    assert "the keys stay as they are" in caplog.text


@pytest.mark.parametrize(
    ("method", "route", "needs"),
    [
        ("GET", "/models", "read"),
        ("GET", "/metrics", "read"),
        ("POST", "/v2/repository/index", "read"),
        ("POST", "/inference.GRPCInferenceService/ModelMetadata", "read"),
        ("POST", "/predict", "predict"),
        ("POST", "/sessions/x/steps", "predict"),
        ("DELETE", "/trace/x", "predict"),
        ("POST", "/v2/models/copy/infer", "predict"),
        ("POST", "/inference.GRPCInferenceService/ModelInfer", "predict"),
        ("POST", "/inference.GRPCInferenceService/ModelStreamInfer", "predict"),
        ("POST", "/v2/repository/models/copy/load", "operate"),
        ("POST", "//v2/repository//models/copy/unload/", "operate"),
        ("POST", "/inference.GRPCInferenceService/RepositoryModelLoad", "operate"),
        ("PUT", "/log-level", "operate"),
        ("GET", "/log-level/", "operate"),
    ],
)
def test_what_a_request_does_needs_a_role(
    path: Path, method: str, route: str, needs: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = Keys([], file=KeyFile(path, Clock()))
    for key, roles in (("page-key", "read"), (SECRET, "read predict"), ("ops-key", "operate")):
        if needs in roles.split():
            assert asks(keys, key, route, method)
            continue
        with pytest.raises(Forbidden, match=f"has no role '{needs}'"):
            asks(keys, key, route, method)
        facts = caplog.records[-1].facts  # type: ignore[attr-defined]
        assert caplog.records[-1].name == "ntm.audit"
        assert (facts["needs"], facts["code"], facts["path"]) == (needs, "forbidden", route)
        assert facts["key"] in ("page", "app", "ops")


def test_without_keys_everybody_may_ask_and_nobody_operate(path: Path) -> None:
    assert asks(Keys([]), "", "/predict", "POST") == ""
    with pytest.raises(Forbidden, match="NTM_KEYS_FILE"):
        asks(Keys([]), "", "/log-level")
    listed = Keys(["plain"], file=KeyFile(path, Clock()))
    assert asks(listed, "plain", "/predict", "POST") == asks(Keys(["plain"]), "plain")
    with pytest.raises(Forbidden, match="this key has no role 'operate'"):
        asks(listed, "plain", "/log-level")


def test_a_rate_is_kept_over_any_second(path: Path) -> None:
    clock = Clock()
    rates = Rates(clock)
    for _ in range(2):
        rates.take("app", 2)
        rates.take("app", 2)
        with pytest.raises(TooManyRequests) as refused:
            rates.take("app", 2)
        assert refused.value.retry_after == 1
        rates.take("other", 2)
        clock.now += 1
    clock.now += 3600  # who has not asked for long may not ask more at once for it
    for _ in range(2):
        rates.take("app", 2)
    with pytest.raises(TooManyRequests):
        rates.take("app", 2)
    rates.take("seldom", 5e-324)
    with pytest.raises(TooManyRequests) as refused:
        rates.take("seldom", 5e-324)
    assert refused.value.retry_after == 86_400
    shared = Rates(clock, processes=4)  # a bucket in each
    shared.take("app", 2)
    with pytest.raises(TooManyRequests) as refused:
        shared.take("app", 2)
    assert refused.value.retry_after == 2


async def statuses(client: httpx.AsyncClient, *asked: tuple[str, str, str]) -> list[int]:
    """What a key gets for a method and path."""
    return [
        (await client.request(method, path, headers={"X-API-Key": key}, json={})).status_code
        for key, method, path in asked
    ]


def test_operators_load_and_unload_models_and_choose_what_is_logged(
    repository: Path, path: Path, tmp_path: Path
) -> None:
    path.write_text(FILE.replace("rate = 2", "rate = 0.001"))
    settings = Settings(models=repository, data=tmp_path, engine="onnx", keys_file=str(path))
    names = ["learned", "odd"]

    def application() -> Any:
        return create_app(settings, partial(Models, names=names))

    async def main() -> None:
        app, other = application(), application()  # of another worker
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")
        index, load = "/v2/repository/index", "/v2/repository/models/learned/"
        predict = {"headers": {"X-API-Key": SECRET}, "json": body(model="learned", record=False)}
        async with client, app.router.lifespan_context(app), other.router.lifespan_context(other):
            assert await statuses(
                client,
                ("wrong", "POST", f"{load}unload"),
                ("page-key", "POST", f"{load}unload"),
                ("ops-key", "POST", "/v2/repository/models/nope/unload"),
                ("ops-key", "POST", "/v2/repository/models/nope/load"),
                ("ops-key", "GET", "/models"),
                ("ops-key", "POST", f"{load}unload"),
            ) == [401, 403, 404, 404, 403, 200]
            page = {"X-API-Key": "page-key"}
            told = (await client.post(index, headers=page)).json()
            unloaded = {"version": "1", "state": "UNAVAILABLE", "reason": "unloaded"}
            assert told[0] == {"name": "learned", **unloaded}
            ready = (await client.post(index, headers=page, json={"ready": True})).json()
            assert [(each["name"], each["state"]) for each in ready] == [("odd", "READY")]
            while [model.name for model in other.state.context.models] != ["odd"]:
                await asyncio.sleep(0.05)
            await app.state.context.look()  # as at every poll
            assert [model.name for model in app.state.context.models] == ["odd"]
            assert await statuses(client, ("ops-key", "POST", f"{load}load")) == [200]
            assert (await client.post("/predict", **predict)).status_code == 200
            limited = await client.post("/predict", **predict)
            assert (limited.status_code, limited.json()["code"]) == (429, "rate_exceeded")
            assert 900 < int(limited.headers["retry-after"]) <= 1000
            ops = {"X-API-Key": "ops-key"}
            assert (await client.get("/log-level", headers=ops)).json() == {"level": "info"}
            put = await client.put("/log-level", headers=ops, json={"level": "error"})
            assert put.json() == {"level": "error"}
            assert logging.getLogger().level == logging.ERROR
            loud = await client.put("/log-level", headers=ops, json={"level": "loud"})
            assert loud.status_code == 422

    before = logging.getLogger().level
    try:
        asyncio.run(main())
    finally:
        logging.getLogger().setLevel(before)


def test_the_service_does_not_start_without_its_keys(repository: Path, tmp_path: Path) -> None:
    settings = Settings(models=repository, data=tmp_path, keys_file=str(tmp_path / "none.toml"))
    with pytest.raises(KeysRefused, match="No such file"):
        create_app(settings, partial(Models, names=["odd"]))
