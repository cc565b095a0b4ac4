"""`ntm export`: write graphs that run without this library."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape


class Format(StrEnum):
    """What to export to."""

    onnx = "onnx"
    torchscript = "torchscript"


def export(
    model: Annotated[Path, typer.Argument(help="A model's folder or name, or one version of it.")],
    to: Annotated[Format, typer.Option("--format", help="Of the graphs.")] = Format.onnx,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Write one ONNX file of exactly this many steps to --out."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write with --steps.")] = None,
    memory_slots: Annotated[
        int | None, typer.Option(min=1, help="N of that file; the model's own by default.")
    ] = None,
) -> None:
    """Export a model, checked against the eager one before anything is written.

    Without --steps: graphs for serving, MODEL/<version>/onnx (or torchscript) with signature.json.
    With --steps 42 --out copy42.onnx: one self-contained file that plain onnxruntime runs.
    """
    import torch

    from ntm.architectures.catalogue import UnknownArchitecture
    from ntm.export.check import ExportError
    from ntm.export.write import Exported, export_onnx, export_standalone, export_torchscript
    from ntm.repository import folders

    torch.set_num_threads(1)  # the steps that graphs are checked on are too small to share
    console = Console(stderr=True)

    def tell(done: Exported) -> None:
        size = done.path.stat().st_size / 1e3
        console.print(
            f"{done.path}  {size:.0f} kB, differs from the eager model by at most "
            f"{done.difference:.1e}{scope(done.steps)}",
            soft_wrap=True,
        )

    def scope(compared: int | None) -> str:
        if compared in (None, steps):
            return ""
        return (
            f" over {compared} of {steps} steps, after which float32 is too coarse for this model "
            f"to compare"
        )

    version = folders.find(model)
    if (steps is None) != (out is None):
        raise typer.BadParameter("--steps and --out go together")
    if steps is not None and to is not Format.onnx:
        raise typer.BadParameter("--steps writes ONNX only")
    started = time.perf_counter()
    try:
        if steps is not None and out is not None:
            tell(export_standalone(version, steps, memory_slots, out))
            return
        (export_onnx if to is Format.onnx else export_torchscript)(version, tell)
    except (ExportError, UnknownArchitecture) as error:
        console.print(f"[red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    console.print(f"exported in {time.perf_counter() - started:.1f} s")
