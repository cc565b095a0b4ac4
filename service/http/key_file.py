"""The file of API keys: names, roles and rates, read again when it changes."""

import logging
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from service.http.digests import digest, owner_name

log = logging.getLogger("ntm.server")

Role = Literal["read", "predict", "operate"]
ROLES: frozenset[Role] = frozenset(get_args(Role))
LOOK_EVERY = 1.0  # seconds


class Key(NamedTuple):
    """A key that may ask."""

    digest: bytes
    owner: str  # whose traces and sessions are seen
    name: str = ""  # in logs; keys of NTM_API_KEYS have none
    roles: frozenset[Role] = frozenset({"read", "predict"})
    rate: float | None = None  # requests a second


class KeysRefused(ValueError):
    """The file of keys cannot be used."""


class Entry(BaseModel):
    """One [[key]] of the file."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    key: SecretStr | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None
    roles: Annotated[frozenset[Role], Field(min_length=1)]
    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key is None) == (self.sha256 is None) or self.key == SecretStr(""):
            raise ValueError("there should be either key or sha256")
        return self

    def as_key(self) -> Key:
        """It, as requests are compared with it; a name keeps its owner whatever its keys are."""
        secret = b"" if self.key is None else self.key.get_secret_value().encode()
        found = bytes.fromhex(self.sha256) if self.sha256 else digest(secret)
        return Key(
            found, owner_name(b"name " + self.name.encode()), self.name, self.roles, self.rate
        )


class Listed(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[list[Entry], Field(min_length=1)]


class KeyFile:
    """The keys of a file as it is now; where a change cannot be read, those from before it."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """Read it.

        Args:
            path: TOML, with one table [[key]] for each
            clock: seconds, of any beginning
        Raises:
            KeysRefused: what is wrong with it, without a word of any key
        """
        self._path, self._clock = path, clock
        self._seen = fingerprint(path)
        self._looked = clock()
        self._keys = read(path)

    def keys(self) -> list[Key]:
        """Those that may ask."""
        now = self._clock()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._look()
        return self._keys

    def _look(self) -> None:
        seen = fingerprint(self._path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._keys = read(self._path)
        except KeysRefused as error:
            log.error("the keys stay as they are: %s", error)
        else:
            log.info("%s keys of %s", len(self._keys), self._path)


def fingerprint(path: Path) -> tuple[int, ...]:
    """Differs once a file was written or replaced; empty where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino


def read(path: Path) -> list[Key]:
    """The keys of a file.

    Raises:
        KeysRefused: what is wrong with it, without a word of any key
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise KeysRefused(f"{path} cannot be read: {reason}") from None
    try:
        entries = Listed.model_validate(tomllib.loads(text)).key
    except tomllib.TOMLDecodeError as error:
        raise KeysRefused(f"{path} is not TOML: {where(error)}") from None
    except RecursionError:
        raise KeysRefused(f"{path} is nested too deeply") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise KeysRefused(f"{path}: {place}: {first['msg']}") from None
    except ValueError:  # of a number with more digits than are read
        raise KeysRefused(f"{path} has a number that is too long") from None
    keys = [entry.as_key() for entry in entries]
    if len({key.digest for key in keys}) < len(keys):
        raise KeysRefused(f"{path} has one key twice")
    return keys


def where(error: tomllib.TOMLDecodeError) -> str:
    """The place of an error; the rest of its message may quote a key."""
    return str(error).rpartition("(")[2].rstrip(")") or "somewhere"
