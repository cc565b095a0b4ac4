"""From nothing to an answer, and the memory it takes: python benchmarks/start.py

Our service and the peers of peers.py, one at a time: seconds from the start of the process to its
first answer, what that answer took, and resident memory at rest and under 32 clients.
"""

import argparse
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import contenders
import load
import peers
import results
import running
import server
from contenders import Contender, Site
from running import CannotRun

HEADING = "## Start and memory"
CLIENTS = 32


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [contender.name for contender in contenders.ALL]
    parser.add_argument("--only", help=f"a comma list of {', '.join(names)}")
    parser.add_argument("--repeats", type=int, default=5, help="starts of each")
    parser.add_argument("--seconds", type=int, default=5, help="under load")
    parser.add_argument("--folder", type=Path, default=peers.FOLDER, help="as for peers.py")
    parser.add_argument("--no-write", action="store_true", help="leave the results as they are")
    told = parser.parse_args()
    wanted = (told.only or ",".join(names)).split(",")
    chosen = [contender for contender in contenders.ALL if contender.name in wanted]
    starts, failed = [], {}
    with tempfile.TemporaryDirectory() as temporary:
        model, models = Path(temporary, "graph"), Path(temporary, "models")
        server.reference_model(models)
        peers.write_graph(models, model)
        server.compiled()
        for turn in range(told.repeats):
            print(f"turn {turn + 1} of {told.repeats}", flush=True)
            for contender in chosen:
                try:
                    site = contenders.settle(contender, told.folder.resolve(), model, models)
                    starts.append(
                        {"contender": contender.name, **start(contender, site, told.seconds)}
                    )
                except (CannotRun, OSError) as error:
                    failed[contender.name] = str(error)
                    print(f"{contender.title} cannot run: {error}", flush=True)
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": results.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "repeats": told.repeats,
        "seconds": told.seconds,
        "titles": {contender.name: contender.title for contender in chosen},
        "failed": failed,
        "starts": starts,
    }
    section = "\n".join([HEADING, "", *report(found)])
    print(section)
    if not told.no_write:
        results.keep("start", found)
        results.write(HEADING, section)


def start(contender: Contender, site: Site, seconds: int) -> dict[str, float]:
    """One start, one window, one end."""
    form = next(iter(contender.forms.values()))
    asked = [form.ask(one, False) for one in peers.sequences(peers.LENGTHS["42 steps"])]
    took, at = [], []

    def answers(url: str) -> bool:
        before = time.perf_counter()
        try:
            body, _ = peers.ask(url, asked[0])
        except OSError:
            return False
        took.append(time.perf_counter() - before)
        at.append(time.perf_counter())
        return contender.ready(body)

    command, environment = contender.launch(site)
    began = time.perf_counter()
    started = running.start(command, environment, site.folder, site.port, answers)
    try:
        time.sleep(2)
        rest = started.resident()
        load.window(started.url, [one.whole() for one in asked], CLIENTS, seconds)
        busy = started.resident()
    finally:
        started.stop()
    return {
        "first_answer": at[0] - began,  # seconds
        "ready": at[-1] - began,
        "first_request": took[0],
        "rest": rest,  # MiB
        "busy": busy,
    }


def report(found: dict) -> list[str]:
    """All of it as Markdown."""
    rows = []
    for name, title in found["titles"].items():
        mine = [one for one in found["starts"] if one["contender"] == name]
        if not mine:
            rows.append([title, found["failed"].get(name, ""), *[""] * 5])
            continue

        def middle(key: str, scale: float, mine: list[dict] = mine) -> float:
            return scale * statistics.median(one[key] for one in mine)

        all_ = [one["first_answer"] for one in mine]
        rows.append(
            [
                title,
                f"{middle('first_answer', 1):.1f}",
                f"{min(all_):.1f} to {max(all_):.1f}",
                f"{middle('ready', 1):.1f}",
                f"{middle('first_request', 1000):.0f}",
                f"{middle('rest', 1):.0f}",
                f"{middle('busy', 1):.0f}",
            ]
        )
    header = ["server", "first answer, s", "spread", "on its engine, s", "that answer, ms"]
    header += ["memory at rest, MiB", f"at {CLIENTS} clients, MiB"]
    return [
        f"`python benchmarks/start.py`, {found['date']}: {found['processor']}, {found['cores']} "
        f"cores; {found['repeats']} starts each, one server at a time, medians. From the start of "
        f"the process to the first answer to a copy of 20; ours has compiled its engine before, "
        f"and `on its engine` is when that one answers. Memory is of all its processes, shared "
        f"pages counted once; under load for {found['seconds']} s.",
        "",
        *results.table(header, rows),
    ]


if __name__ == "__main__":
    main()
