"""A trace as a picture, drawn by ntm.figures."""

from typing import Any

from service.tensors import Tensors


def figure_of(facts: dict[str, Any], tensors: Tensors, kind: str) -> bytes:
    """The overview of a trace (paper, Fig. 6) as PNG or SVG."""
    from ntm import figures

    title = f"{facts['model']}/{facts['version']}, trace {facts['trace_id']}"
    return figures.render(
        figures.overview(tensors, title=title, first_step=facts["range"][0]), kind
    )
