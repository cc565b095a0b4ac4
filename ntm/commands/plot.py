"""`ntm plot`: a picture of a run."""

from pathlib import Path
from typing import Annotated

import typer

from ntm.commands.example import Interventions, MemorySlots, Seed, draw_example
from ntm.repository.folders import MODELS, SHIPPED
from ntm.runs.trace import Trace, TraceError

KINDS = (".png", ".svg")


def is_model(source: str) -> bool:
    """Whether it is a model's folder, or the name of one of ours."""
    return Path(source).is_dir() or any((place / source).is_dir() for place in (MODELS, SHIPPED))


def plot(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(help="A model's folder, a trace's file (npz, safetensors) or its URL."),
    ],
    figure: Annotated[
        str,
        typer.Option(
            help="overview, addressing, memory, difference, compare (of two architectures), fig6, "
            "fig9 (repeat copy), fig12 (associative recall), fig17 (priority sort), walk "
            "(graph), hops (stories), or what the architecture adds, such as allocation and "
            "modes."
        ),
    ] = "overview",
    out: Annotated[Path, typer.Option(help="The file to write, .png or .svg.")] = Path("trace.png"),
    head: Annotated[
        str | None, typer.Option(help="For addressing, such as write.0; the first by default.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="For memory: the steps to show; for hops: the sentences to mark: 0,10,20."
        ),
    ] = None,
    other: Annotated[
        str | None,
        typer.Option(
            help="For difference and compare: the other trace's file or URL, or for compare a "
            "model's folder, which is run on the same example."
        ),
    ] = None,
    cmap: Annotated[str, typer.Option(help="A colour map of matplotlib.")] = "gray",
    seed: Seed = 1,
    memory_slots: MemorySlots = None,
    interventions: Interventions = None,
    key: Annotated[
        str | None, typer.Option(envvar="NTM_API_KEY", help="Of the service, for a URL.")
    ] = None,
) -> None:
    """Draw a run of an example, or a trace: ntm plot models/copy --figure fig6 --length 20

    Two architectures on one time axis: ntm plot copy --figure compare --other transformer-copy

    Further options are the task's sizes, as for ntm trace.
    """
    import matplotlib

    from ntm import figures

    if out.suffix not in KINDS:
        raise typer.BadParameter(f"--out should end with {' or '.join(KINDS)}, got {out}")
    if cmap not in matplotlib.colormaps:
        raise typer.BadParameter(f"--cmap should be a colour map of matplotlib, got {cmap}")
    try:
        figures.kind_of(figure)
        if is_model(source):
            example = draw_example(Path(source), context.args, seed, memory_slots, interventions)
            trace = example.record()
        else:
            trace = Trace.load(source, key=key)
        steps = figures.parse_steps(at) if at else None
        compared = None
        if other is not None and is_model(other):
            if not is_model(source) or figure != "compare":
                raise TraceError(f"--other {other} is a model: compare runs two models' folders")
            compared = draw_example(Path(other), context.args, seed, memory_slots, None).record()
        elif other is not None:
            compared = Trace.load(other, key=key)
        drawn = figures.draw(trace, figure, head=head, at=steps, other=compared, cmap=cmap)
    except TraceError as error:
        raise typer.BadParameter(str(error)) from None
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(figures.render(drawn, out.suffix[1:]))
    typer.echo(f"drew {trace.title} as {out}")
