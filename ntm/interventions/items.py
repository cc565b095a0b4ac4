"""What to change in a run, as clients write it: a list of items, each with steps and values to set.

Here is the form and what can be checked of an item alone; what it means for one model and one
sequence is in edits.py. No torch: serving reads it too.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ntm.signature import Signature, Stage

MOST_ITEMS = 10_000
LARGEST = 1e6  # beyond it norms and sums could leave float32

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[Number, Field(ge=0, le=1)]
Positive = Annotated[Number, Field(ge=0, le=LARGEST)]
Bounded = Annotated[Number, Field(ge=-LARGEST, le=LARGEST)]
Step = Annotated[int, Field(strict=True, ge=0)]
Text = Annotated[str, Field(strict=True)]

EXPECTED = {
    "": "an object with steps and set",
    "steps": 'a step such as 20, or a range such as "20:41"',
    "weighting": '"zero", "uniform" or one number for each slot',
    "memory": f"a number, a row, or one row for each slot, at most {LARGEST:g} in size",
    "set": "an object of what to set",
}


class InterventionError(ValueError):
    """An intervention that cannot be done; the message names the item and its field."""


class _Exact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Changes(_Exact):
    """What to set: the memory that the steps' reads see, the inputs, or stages of one head.

    What stages there are says the model's table; `changes_of` adds a field for each.
    """

    memory: Bounded | list[Bounded] | list[list[Bounded]] | None = Field(
        default=None, description="of `slot` [M], or of all slots [N][M]; a number fills it"
    )
    input: list[Number] | None = Field(default=None, description="x [input_size]")


class Described(Changes):
    """What to set, as documents describe it: `memory`, `input`, or stages of the model's table."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Intervention(_Exact):
    """One change of a run; a later one of the same thing at the same step wins."""

    steps: Step | Text = Field(description="a step, or a range a:b, either end optional")
    head: Text | None = Field(default=None, description="read.0, write.0, ... of the stages set")
    slot: Step | None = Field(default=None, description="of the memory set; all of it without")
    set: Described


def field_of(stage: Stage) -> Any:
    """The type of what a stage may be set to."""
    low, high = stage.bounds
    number = Annotated[Number, Field(ge=low, le=high)]
    if stage.kind == "weighting":
        return Literal["zero", "uniform"] | list[number]
    return number if stage.is_scalar else list[number]


@lru_cache(64)
def form_of(pinnable: tuple[Stage, ...]) -> Any:
    """The form of an intervention on a model with these pinnable stages, a pydantic model."""
    fields: dict[str, Any] = {stage.name: (field_of(stage) | None, None) for stage in pinnable}
    rest = {n: (field.annotation, field) for n, field in Changes.model_fields.items()}
    changes = create_model("Changes", __base__=_Exact, **(fields | rest))
    return create_model("Intervention", __base__=Intervention, set=(changes, ...))


def parse(told: Any, signature: Signature) -> list[Any]:
    """Items from JSON values, or from Python ones with arrays for lists, as `form_of` has them.

    Raises:
        InterventionError: one has another form; the message names it
    """
    if not isinstance(told, Sequence) or isinstance(told, str | bytes):
        raise InterventionError(f"interventions should be an array, got {came(told)}")
    if len(told) > MOST_ITEMS:
        raise InterventionError(
            f"interventions should be at most {MOST_ITEMS} items, got {len(told)}"
        )
    form = form_of(signature.pinnable)
    return [
        item if isinstance(item, form) else _parse_item(number, item, form)
        for number, item in enumerate(told)
    ]


def load(text: str) -> Any:
    """The list that a command line gives: JSON, or the name of a file of it.

    Raises:
        InterventionError: it is neither
    """
    if not text.lstrip().startswith(("[", "{")):
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InterventionError(
                f"interventions should be JSON or a file of it: {error}"
            ) from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InterventionError(f"interventions should be JSON: {error}") from None


def _parse_item(number: int, told: Any, form: Any) -> Any:
    try:
        return form.model_validate(_with_lists(told))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        raise InterventionError(_explain(number, problem, form)) from None


def _with_lists(told: Any) -> Any:
    """The item with its arrays and tensors as lists."""
    if not isinstance(told, Mapping) or not isinstance(told.get("set"), Mapping):
        return told
    changes = {
        name: value.tolist() if hasattr(value, "tolist") else value
        for name, value in told["set"].items()
    }
    return {**told, "set": changes}


def _explain(number: int, problem: Any, form: Any) -> str:
    """One validation problem as a sentence."""
    changes = form.model_fields["set"].annotation.model_fields
    location, known = problem["loc"], {*Intervention.model_fields, *changes}
    if problem["type"] == "extra_forbidden":
        fields = changes if len(location) > 1 else Intervention.model_fields
        where = "".join(f".{part}" for part in location)
        return (
            f"unknown field 'interventions[{number}]{where:.64}', "
            f"expected one of {', '.join(fields)}"
        )
    where, field = f"interventions[{number}]", ""
    for part in location:
        if isinstance(part, int):
            where += f"[{part}]"
        elif part in known:
            where, field = f"{where}.{part}", part
        else:  # a branch of a union, and what lies inside it
            break
    if problem["type"] == "missing":
        return f"{where} is missing"
    told = EXPECTED.get(field, problem["msg"].removeprefix("Input should be "))
    return f"{where} should be {told}, got {came(problem['input'])}"


def came(value: Any) -> str:
    """What came, in JSON's words; a number or a text is told as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return f"{value!r:.40}"
    words: dict[type, str] = {list: "an array", dict: "an object"}
    return words.get(type(value), "null" if value is None else type(value).__name__)
