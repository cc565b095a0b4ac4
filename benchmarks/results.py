"""RESULTS.md: every benchmark replaces its own section and leaves the others as they are."""

import platform
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"


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
