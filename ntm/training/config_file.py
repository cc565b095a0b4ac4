"""recipe.yaml: what `ntm train` takes as options, in a file."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ntm.tasks import SourceError
from ntm.training.own import told
from ntm.training.recipe import Recipe, Setting

# Fields of a recipe that a file may set as they are.
PLAIN = (
    "loss",
    "optimizer",
    "weight_decay",
    "learning_rate",
    "decay",
    "warm_up",
    "clip_norm",
    "batch_size",
    "updates",
    "decay_updates",
    "memory_slots",
    "key_strength_bias",
    "validate_every",
    "patience",
    "save_every",
    "compile",
    "seeds",
)


class Wanted(BaseModel):
    """What somebody asks for: one of recipe, task or data, and what is to be other than usual."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str | None = None
    task: str | None = None
    fields: dict[str, Any] = Field(default={}, description="of the task")
    data: Path | None = None
    held_out: float = Field(default=0.1, gt=0, lt=1, description="share of the data")
    start: Path | None = Field(default=None, alias="from", description="a saved model")
    architecture: str | None = None
    model: dict[str, Any] = Field(default={}, description="sizes, by their options' names")
    evaluation: tuple[Setting, ...] | None = None
    changes: dict[str, Any] = Field(default={}, description="fields of the recipe")


def read(path: Path) -> dict[str, Any]:
    """The content of a recipe's file, as `Wanted` takes it.

    Raises:
        SourceError: it is no YAML, or has a key that does not belong there
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    if not isinstance(content, dict):
        raise SourceError(f"{path} should hold keys and values, such as updates: 2000")
    changes = {name: content.pop(name) for name in PLAIN if name in content}
    known = [f.alias or name for name, f in Wanted.model_fields.items() if name != "changes"]
    strangers = [name for name in content if name not in known]
    if strangers:
        raise SourceError(
            f"{path}: unknown key {strangers[0]!r}, expected some of {', '.join((*known, *PLAIN))}"
        )
    return {**content, "changes": changes}


def wanted(content: dict[str, Any], place: str) -> Wanted:
    """What is asked for, checked.

    Args:
        content: of a file, options, or both
        place: what to name in an error
    Raises:
        SourceError: a value does not fit
    """
    try:
        return Wanted.model_validate(content)
    except ValidationError as error:
        raise SourceError(f"{place}: {told(error)}") from None


def changed(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """A recipe with other values, checked.

    Raises:
        ValidationError: one does not fit
    """
    return Recipe.model_validate({**dict(recipe), **changes})
