"""A trace that draws itself, for notebooks: above the traces, which know no figures, and those."""

from typing import TYPE_CHECKING, Any

from ntm.runs import trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Trace(trace.Trace):
    """A run to look at; in a notebook it shows itself as a picture.

    `trace["addressing.read.gate"]` is the array of that name [T, R]; `trace.head("read.0")` gives
    all stages of one head; `trace.figure("fig6")` draws it, with matplotlib.
    """

    def figure(self, name: str = "overview", **options: Any) -> "Figure":
        """A picture of it: see `ntm.figures.draw` for the names and options."""
        from ntm import figures

        return figures.draw(self, name, **options)

    def _repr_png_(self) -> bytes:
        from ntm import figures

        return figures.render(self.figure(), "png")
