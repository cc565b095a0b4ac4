"""What a deployment may say wrong, and what Kubernetes says beside it."""

import logging
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.environment import UnknownSetting
from service.settings import Settings
from tests.service.running import refused, serving

# What a pod gets for a Service called `ntm` with a port called `http`.
LINK = {
    "NTM_PORT": "tcp://10.96.12.34:80",
    "NTM_SERVICE_HOST": "10.96.12.34",
    "NTM_SERVICE_PORT": "80",
    "NTM_SERVICE_PORT_HTTP": "80",
    "NTM_PORT_80_TCP": "tcp://10.96.12.34:80",
    "NTM_PORT_80_TCP_PROTO": "tcp",
    "NTM_PORT_80_TCP_PORT": "80",
    "NTM_PORT_80_TCP_ADDR": "10.96.12.34",
}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NTM_COMPILED", raising=False)


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings.from_environment()


def test_a_link_of_kubernetes_is_no_port(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert settings(monkeypatch, **LINK).port == 8000
    assert "tcp://10.96.12.34:80" in caplog.text
    assert "enableServiceLinks" in caplog.text


def test_a_port_of_ones_own_wins_over_the_link(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a manifest says replaces the link's variable of that name, and leaves the others."""
    assert settings(monkeypatch, **{**LINK, "NTM_PORT": "8001"}).port == 8001
    monkeypatch.setenv("NTM_PORT", LINK["NTM_PORT"])
    assert Settings.from_environment(port=8002).port == 8002
    assert not caplog.text


def test_links_of_services_whose_names_begin_so_are_no_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = {name.replace("NTM_", "NTM_CACHE_"): value for name, value in LINK.items()}
    ipv6 = {"NTM_SIX_SERVICE_HOST": "fd00::1", "NTM_SIX_SERVICE_PORT": "80"}
    docker = {"NTM_DB_PORT": "tcp://172.17.0.5:5432", "NTM_DB_NAME": "/web/db", "NTM_DB_ENV_X": ""}
    assert settings(monkeypatch, **cache, **ipv6, **docker).port == 8000


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("NTM_API_KEY", "NTM_API_KEYS"),
        ("NTM_APIKEYS", "NTM_API_KEYS"),
        ("ntm_worker", "NTM_WORKERS"),
        ("NTM_MAX_BODY_SIZE", "NTM_MAX_BODY_BYTES"),
        ("NTM_SERVICE_PORT", ""),
        ("NTM_DB_NAME", ""),
    ],
)
def test_an_unknown_setting_is_an_error_that_names_the_nearest(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str
) -> None:
    with pytest.raises(UnknownSetting, match=f"{name.upper()} is no setting.*{nearest}"):
        settings(monkeypatch, **{name: "8000"})


def test_the_key_of_a_client_may_lie_beside_those_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = settings(monkeypatch, NTM_API_KEY="one", NTM_API_KEYS="one,two")
    assert told.api_keys.get_secret_value() == "one,two"


def test_a_file_of_variables_and_files_of_secrets_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, value in {"ntm_api_keys": "one,two\n", "ntm_port": "1", "ntm_workers": "3"}.items():
        (secrets / name).write_text(value)
    written = f"NTM_PORT=2\nNTM_HOST='::1'\nDJANGO_KEY=3\nNTM_SECRETS={secrets}\n"
    (tmp_path / ".env").write_text(written)
    monkeypatch.chdir(tmp_path)
    told = settings(monkeypatch)
    assert (told.port, told.host, told.workers, told.keys) == (2, "::1", 3, ["one", "two"])
    assert settings(monkeypatch, NTM_PORT="3").port == 3
    assert Settings.from_environment(port=4).port == 4
    assert Settings().port == 3, "only what starts a service reads files"
    (tmp_path / ".env").write_text("NTM_API_KEY=secret\n")
    with pytest.raises(UnknownSetting, match="is NTM_API_KEYS meant"):
        settings(monkeypatch)


@pytest.mark.parametrize("value", [",", " ", " , ,"])
@pytest.mark.parametrize("name", ["NTM_API_KEYS", "NTM_CORS_ORIGINS"])
def test_a_list_without_an_entry_is_an_error(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(ValidationError, match="a list should have an entry"):
        settings(monkeypatch, **{name: value})


def test_a_store_of_an_unknown_kind_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="a URL should begin with redis://"):
        settings(monkeypatch, NTM_STORE="postgres://db/ntm")


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    told = settings(
        monkeypatch, NTM_DATA="~/data", NTM_MODELS="~/models", NTM_STORE="~/s", NTM_COMPILED="~/c"
    )
    assert (told.data, told.models) == (tmp_path / "data", tmp_path / "models")
    assert (told.store_path, told.compiled_path) == (tmp_path / "s", tmp_path / "c")


def test_a_tilde_of_nobody_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="home directory"):
        settings(monkeypatch, NTM_DATA="~nobody-of-that-name/data")


def test_a_service_starts_beside_links_and_not_with_a_misspelt_list_of_keys(
    repository: Path, tmp_path: Path
) -> None:
    links = {name.removeprefix("NTM_").lower(): value for name, value in LINK.items()}
    arguments = ("--port", "0")
    with serving(repository, tmp_path / "linked", arguments, engine="onnx", **links) as running:
        assert running.stop() == 0
    code, log = refused(repository, tmp_path / "open", api_key="secret")
    assert (code, log) == (1, "error: NTM_API_KEY is no setting: is NTM_API_KEYS meant?\n")
    code, log = refused(repository, tmp_path / "commas", api_keys=",")
    assert code == 1
    assert "NTM_API_KEYS" in log
