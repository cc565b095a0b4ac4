"""Every setting of the service, read once: options, variables NTM_..., `.env`, files of secrets."""

import logging
import os
import re
from pathlib import Path
from typing import Any, Literal, Self

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ntm.repository import folders
from service.environment import is_link, refuse_unknown
from service.memory import default_limit

log = logging.getLogger("ntm.server")

MEBIBYTE = 2**20
ENV_FILE = Path(".env")
REDIS = ("redis://", "rediss://", "unix://")


class Settings(BaseSettings):
    """What a deployment may choose; the field `port` is the variable NTM_PORT."""

    model_config = SettingsConfigDict(env_prefix="NTM_", frozen=True, extra="ignore")

    secrets: Path = Field(
        default=Path("/run/secrets"),
        description="folder of files that hold a setting each, such as ntm_api_keys",
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on")
    grpc_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="port of the Open Inference Protocol over gRPC; none by default",
    )
    root_path: str = Field(
        default="", description="path under which a proxy offers the service, such as /ntm"
    )
    models: Path = Field(
        default_factory=folders.repository,
        description="the model repository; the shipped models where there is none",
    )
    data: Path = Field(default=Path("data"), description="folder for traces and sessions")
    tasks: str = Field(  # read by ntm.tasks.origin, for every command
        default="",
        description="folders where the files of own tasks and data are looked for, beside the "
        "current one, separated as in PATH",
    )
    engine: Literal["onnx", "torchscript", "native", "auto"] = Field(
        default="auto",
        description="onnx, torchscript, native, or auto: native once compiled, onnx until then "
        "and on CUDA; onnx for what native has no kernel for",
    )
    device: Literal["cpu", "cuda", "auto"] = Field(
        default="auto", description="cpu, cuda (or no start at all), or auto, which may fall back"
    )
    cuda_graphs: bool = Field(
        default=False,
        description="record CUDA graphs; on CUDA, or no start at all",
    )
    workers: int = Field(default=1, ge=1, description="processes that serve, on cores of their own")
    threads: int = Field(
        default=1,
        ge=1,
        description="threads of one engine; as many engines compute at once as cores allow",
    )
    max_batch: int = Field(default=32, ge=1, description="sequences computed together")
    max_queued_steps: int = Field(
        default=200_000, ge=1, description="steps accepted and not yet computed, per model"
    )
    max_steps: int = Field(default=50_000, ge=1, description="steps of one sequence")
    max_memory_slots: int = Field(default=16_384, ge=1, description="memory slots of one request")
    max_state_bytes: int = Field(
        default=64 * MEBIBYTE,
        ge=1,
        description="bytes of one sequence's state; links between slots grow as their square",
    )
    max_body_bytes: int = Field(
        default=32 * MEBIBYTE, ge=1, description="bytes of one request's body"
    )
    max_response_bytes: int = Field(
        default=128 * MEBIBYTE, ge=1, description="bytes of tensors in one answer, before encoding"
    )
    memory_bytes: int = Field(
        default=0,
        ge=0,
        description="bytes in flight of bodies, states, interventions and answers, in each "
        "process; 0 is half of what there is, divided by the workers",
    )
    max_connections: int = Field(
        default=8192,
        ge=1,
        description="connections at once, in each process; over it those go that wait longest "
        "for a whole request",
    )
    head_timeout: float = Field(
        default=10.0, gt=0, description="seconds that a request's head may take"
    )
    body_timeout: float = Field(
        default=30.0, gt=0, description="seconds that a body may take, and one more for every 64 KB"
    )
    write_timeout: float = Field(
        default=30.0, gt=0, description="seconds that a client may read nothing of its answer"
    )
    unread_timeout: float = Field(
        default=1.0,
        gt=0,
        description="seconds that a request may lie unread in its socket until it is refused "
        "with 503; Linux only",
    )
    request_timeout: float = Field(
        default=60.0, gt=0, description="seconds until a request is given up with 504"
    )
    drain_timeout: float = Field(
        default=20.0, gt=0, description="seconds that requests get to finish after SIGTERM"
    )
    trace_ttl: float = Field(default=7 * 86_400.0, gt=0, description="seconds a trace is kept")
    trace_bytes: int = Field(
        default=512 * MEBIBYTE, ge=1, description="bytes of traces kept; the oldest go first"
    )
    session_ttl: float = Field(
        default=3600.0, gt=0, description="seconds a session is kept after its last piece"
    )
    max_sessions: int = Field(default=1000, ge=1, description="sessions kept at once")
    session_bytes: int = Field(default=512 * MEBIBYTE, ge=1, description="bytes of sessions kept")
    poll: float = Field(
        default=10.0, ge=0, description="seconds between looks for new models; 0 on SIGHUP only"
    )
    api_keys: SecretStr = Field(
        default=SecretStr(""), description="keys that may ask, a comma list; empty lets anyone ask"
    )
    keys_file: str = Field(
        default="",
        description="TOML file of keys with names, roles and rates, read again when it changes",
    )
    cors_origins: str = Field(
        default="", description="origins that browsers may ask from, a comma list"
    )
    store: str = Field(
        default="", description="SQLite file, or redis://...; NTM_DATA/traces.sqlite by default"
    )
    store_timeout: float = Field(
        default=2.0, gt=0, description="seconds that Redis may take until it counts as down"
    )

    ray: str = Field(
        default="",
        description="Ray cluster that ntm serve --cluster joins, auto or host:port; starts one",
    )

    @property
    def memory_limit(self) -> int:
        """Bytes that may be in flight in one process."""
        return self.memory_bytes or default_limit(self.workers)

    @classmethod
    def from_environment(cls, **options: Any) -> Self:
        """The settings of this process.

        Options of the command line win over variables, these over the file `.env` of the working
        folder, and that over files of secrets.

        Raises:
            UnknownSetting: a variable begins with NTM_ and is none of them
            ValidationError: a value cannot be what it is meant for
        """
        names = [f"NTM_{name.upper()}" for name in cls.model_fields]
        refuse_unknown(os.environ, names)
        written = {name: value or "" for name, value in dotenv_values(ENV_FILE).items()}
        refuse_unknown(written, names)
        known = {name.upper(): value for name, value in {**written, **os.environ}.items()}
        secrets = Path(known.get("NTM_SECRETS") or cls.model_fields["secrets"].default)
        folder = secrets if secrets.is_dir() else None  # most machines have none
        return cls(_env_file=ENV_FILE, _secrets_dir=folder, **options)

    @field_validator("port", "grpc_port", mode="before")
    @classmethod
    def _no_link(cls, value: object, information: ValidationInfo) -> object:
        """The default port for the address that Kubernetes gives of a Service called `ntm`.

        Of one called `ntm-grpc` for the other port.
        """
        if not isinstance(value, str) or not is_link(value):
            return value
        name = str(information.field_name)
        default: int | None = cls.model_fields[name].default
        variable = f"NTM_{name.upper()}"
        log.warning(
            "%s=%s is no port but Kubernetes' link to a Service called %s, so the port is "
            "%s; `enableServiceLinks: false` or another name of the Service takes the link away",
            variable,
            value,
            variable.removesuffix("_PORT").lower().replace("_", "-"),
            default,
        )
        return default

    @field_validator("root_path", mode="after")
    @classmethod
    def _from_the_root(cls, value: str) -> str:
        """Written in any of the usual ways: ntm, /ntm, /ntm/."""
        path = value.strip("/")
        if not re.fullmatch(r"[A-Za-z0-9._~/-]*", path) or "//" in path:
            raise ValueError("a path should have letters, digits and . _ ~ - between its slashes")
        return f"/{path}" if path else ""

    @field_validator("models", "data", mode="after")
    @classmethod
    def _at_home(cls, path: Path) -> Path:
        """A shell expands `~`; what reads a file of variables does not."""
        return expanded(path)

    @field_validator("store", "compiled", "keys_file", mode="after")
    @classmethod
    def _path_at_home(cls, value: str) -> str:
        return str(expanded(Path(value))) if value.startswith("~") else value

    @field_validator("store", mode="after")
    @classmethod
    def _known_store(cls, value: str) -> str:
        """A URL of another kind would become a file of that name."""
        if "://" in value and not value.startswith(REDIS):
            raise ValueError(f"a URL should begin with {' or '.join(REDIS)}")
        return value

    @field_validator("api_keys", "cors_origins", mode="after")
    @classmethod
    def _some_entry(cls, value: SecretStr | str) -> SecretStr | str:
        """A list of nothing but commas would let everybody in as an empty one does."""
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text and not listed(text):
            raise ValueError("a list should have an entry; an empty value means none")
        return value

    @property
    def keys(self) -> list[str]:
        """Those that may ask; with none, anybody may."""
        return listed(self.api_keys.get_secret_value())

    @property
    def needs_key(self) -> bool:
        """Whether not everybody may ask."""
        return bool(self.keys or self.keys_file)

    @property
    def store_in_redis(self) -> bool:
        """Whether traces and sessions are in Redis."""
        return self.store.startswith(REDIS)

    compiled: str = Field(
        default="",
        description="folder of what the native engine compiles; NTM_DATA/native by default",
    )

    @property
    def compiled_path(self) -> Path:
        """The folder of what the native engine compiles."""
        return Path(self.compiled) if self.compiled else self.data / "native"

    @property
    def store_path(self) -> Path:
        """The SQLite file for traces and sessions."""
        return Path(self.store) if self.store else self.data / "traces.sqlite"


def listed(value: str) -> list[str]:
    """The entries of a comma list."""
    return [entry.strip() for entry in value.split(",") if entry.strip()]


def expanded(path: Path) -> Path:
    """A path with `~` as the home folder.

    Raises:
        ValueError: nobody of that name has one
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{error}") from None


def describe() -> str:
    """One line a variable, for `ntm serve --help` and the README."""
    lines = []
    for name, field in Settings.model_fields.items():
        default = folders.MODELS if field.default_factory else field.default
        default = "-" if default is None or not str(default) else default
        lines.append(f"NTM_{name.upper():<19} {field.description} [{default}]")
    return "\n".join(lines)
