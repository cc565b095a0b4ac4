"""RESULTS.md: every benchmark replaces its own section and leaves the others as they are."""

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "RESULTS.md"
KEPT = Path(__file__).parent / "results"


def write(heading: str, section: str) -> None:
    """Replace a benchmark's section, or add it at the end.

    Args:
        heading: its first line, such as `## Engines, a step`
        section: all of it, the heading included
    """
    text = RESULTS.read_text() if RESULTS.exists() else "# Results\n\nWhat the last runs printed.\n"
    before, _, rest = text.partition(heading)
    after = rest.partition("\n## ")[2]
    kept = f"\n## {after}" if after else ""
    RESULTS.write_text(f"{before.rstrip()}\n\n{section}\n{kept}")


def keep(name: str, found: dict[str, Any]) -> None:
    """Write what a benchmark measured as JSON, for plot.py."""
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Cells as Markdown, the first `left` columns aligned to the left."""
    marks = ["---"] * left + ["--:"] * (len(header) - left)
    lines = [header, marks, *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
