"""The model repository on disk: models/<name>/<version>/. No torch: serving reads it too."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from ntm import tasks
from ntm.architectures import catalogue
from ntm.vocabulary import Vocabulary

MODELS = Path("models")  # where a checkout has them
SHIPPED = Path(__file__).parents[1] / "shipped"  # where a wheel has them
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
VERSION = re.compile(r"[1-9][0-9]{0,8}")
BASELINE_FILE = "baseline.json"  # in a model's folder: what an ordinary LSTM reaches on its task


class RepositoryError(Exception):
    """A model folder that cannot be used; the message names the file and what is wrong with it."""


class ModelDescription(BaseModel):
    """A version's config.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str
    sizes: dict[str, Any]
    task: dict[str, Any]
    training: dict[str, Any] = {}

    @property
    def config(self) -> Any:
        """The sizes and wiring that the model is built from, of its architecture's own class."""
        architecture = catalogue.find(self.architecture)
        return architecture.config_class(architecture=self.architecture, **self.sizes)

    @property
    def task_name(self) -> str:
        """The name of the task that the model was trained on, known here or not."""
        return str(self.task["name"])

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The words that the model is asked in; None where it takes numbers only.

        Raises:
            ValueError: they do not fit
        """
        told = self.task.get("vocabulary")
        return None if told is None else Vocabulary.model_validate(told)

    def make_task(self) -> tasks.Task | None:
        """The task that the model was trained on; None where nobody here knows it.

        Raises:
            ValueError: it has no name, or a field does not fit
        """
        try:
            return tasks.load(self.task)
        except (tasks.UnknownTask, tasks.SourceError):
            return None

    def why_unknown(self) -> str:
        """Why there is no task, for a sentence."""
        told = f"the task '{self.task_name}' is not known here"
        try:
            tasks.load(self.task)
        except tasks.UnknownTask as error:
            reason = str(error).partition(": ")[2]
            return f"{told} ({reason})" if reason else told
        except tasks.SourceError as error:
            return f"{told} ({error})"
        return told


def describe(config: Any, task: tasks.Task, training: dict[str, Any]) -> ModelDescription:
    """The description of a model that is about to be saved."""
    sizes = config.model_dump()
    return ModelDescription(
        architecture=sizes.pop("architecture"),
        sizes=sizes,
        task=tasks.dump(task),
        training=training,
    )


@dataclass(frozen=True)
class VersionFolder:
    """One version of one model, and the names of what lies in it."""

    path: Path

    @property
    def name(self) -> str:
        """The model's name: the folder above, by its own name where it is a link."""
        return self.path.absolute().parent.name

    @property
    def version(self) -> int:
        """The version's number: the folder itself, by its own name where it is a link."""
        return int(self.path.absolute().name)

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def checkpoint(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def evaluation(self) -> Path:
        return self.path / "evaluation.json"

    @property
    def card(self) -> Path:
        return self.path / "README.md"

    @property
    def onnx(self) -> Path:
        return self.path / "onnx"

    @property
    def torchscript(self) -> Path:
        return self.path / "torchscript"

    def description(self) -> ModelDescription:
        """Read and check config.json.

        Raises:
            RepositoryError: it is missing, not JSON, of an unknown architecture, or does not fit
        """
        told = read_json(self.config)
        try:
            catalogue.find(told.get("architecture"))
        except catalogue.UnknownArchitecture as error:
            raise RepositoryError(f"{self.config}: {error}") from None
        try:
            description = ModelDescription.model_validate(told)
            config, task = description.config, description.make_task()
            vocabulary = description.vocabulary
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise RepositoryError(f"{self.config}: {where}: {first['msg']}") from error
        except (TypeError, ValueError) as error:
            raise RepositoryError(f"{self.config}: {error}") from error
        wired, sized = (config.input_size, config.output_size), task or vocabulary
        needed = wired if sized is None else (sized.input_size, sized.output_size)
        if wired != needed:
            raise RepositoryError(
                f"{self.config}: input_size and output_size are {wired}, "
                f"but the task {description.task_name} needs {needed}"
            )
        return description


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        RepositoryError: the file is missing or holds no JSON object
    """
    try:
        told = json.loads(read_file(path))
    except (ValueError, RecursionError) as error:
        raise RepositoryError(f"{path} is not a JSON file: {error}") from error
    if not isinstance(told, dict):
        raise RepositoryError(f"{path} should hold a JSON object, not a {type(told).__name__}")
    return told


def write_json(path: Path, told: dict[str, Any]) -> None:
    """Write an object as JSON that people can read."""
    path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_file(path: Path) -> bytes:
    """The content of a file.

    Raises:
        RepositoryError: as `open_file`
    """
    with open_file(path) as file:
        return file.read()


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex.

    Raises:
        RepositoryError: as `open_file`
    """
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """A file to read, and no pipe, socket or device, which would be waited for.

    Raises:
        RepositoryError: it is missing, is no file, or cannot be read
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise RepositoryError(f"{path} is no file")
            yield file
    except FileNotFoundError:
        raise RepositoryError(f"{path} is missing") from None
    except IsADirectoryError:
        raise RepositoryError(f"{path} should be a file, not a folder") from None
    except OSError as error:
        raise RepositoryError(f"{path} cannot be read: {error.strerror}") from error


def versions(model: Path) -> list[int]:
    """The versions of a model, ascending."""
    if not model.is_dir():
        return []
    return sorted(int(p.name) for p in model.iterdir() if VERSION.fullmatch(p.name) and p.is_dir())


def find(path: Path, among: Path = MODELS) -> VersionFolder:
    """The version that is meant: by its folder, by its model's (the highest one), or by a name.

    Args:
        path: of a folder, or a model's name
        among: where models are looked for by name; after `MODELS`, in those of the wheel
    Raises:
        RepositoryError: there is none
    """
    repositories = [among, SHIPPED] if among == MODELS else [among]
    for place in (path, *(repository / path for repository in repositories)):
        if VERSION.fullmatch(place.name) and place.is_dir():
            return VersionFolder(place)
        if known := versions(place):
            return VersionFolder(place / str(known[-1]))
    lists = [(repository, _names(repository)) for repository in repositories]
    named = "".join(f", or one of {at}: {', '.join(names)}" for at, names in lists if names)
    raise RepositoryError(
        f"{path} holds no model: expected a folder such as {path}/1 with config.json in it{named}"
    )


def repository() -> Path:
    """`models/` of the working folder; where that holds no model, those that the wheel brought."""
    return SHIPPED if SHIPPED.is_dir() and not _names(MODELS) else MODELS


def _names(root: Path) -> list[str]:
    """The models of a folder, for a sentence; none where they cannot be listed."""
    try:
        return sorted(p.name for p in root.iterdir() if NAME.fullmatch(p.name) and versions(p))
    except OSError:
        return []
