"""Pictures that an architecture adds to those of any: tensors of a trace, a row for each."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Form = Literal["channels", "slots", "total", "curves", "shares"]


class Row(NamedTuple):
    """What a row of a picture draws of the tensors of a trace; without them it is left out."""

    title: str
    form: Form  # maps of channels or of slots, the sum over slots, numbers or shares over time
    tensors: Mapping[str, str]  # by name: what a legend calls a number, or the shares in order


class Picture(NamedTuple):
    """Rows from top to bottom, for all heads."""

    title: str
    rows: tuple[Row, ...]

    @property
    def tensors(self) -> tuple[str, ...]:
        """All that is drawn, by name."""
        return tuple(name for row in self.rows for name in row.tensors)
