"""What peers.py measured, as Markdown; the same from the JSON that it keeps."""

import statistics
from collections.abc import Sequence

import results

CLIENTS = (1, 8, 32)


def report(found: dict, cases: Sequence[str]) -> list[str]:
    """All of it."""
    titles = found["titles"]
    failed = [f"\n{titles[name]} could not run: {why}" for name, why in found["failed"].items()]
    return [
        f"`python benchmarks/peers.py`, {found['date']}: {found['processor']}, {found['cores']} "
        f"cores for clients ({found['load']}) and server; the copy model of the paper (LSTM 100, "
        f"memory 128 x 20), {found['repeats']} turns of {found['seconds']} s each, medians; "
        f"latencies in ms. All servers run with {found['python']}. Every answer was checked "
        f"against the step loop. No other server ran beside the one that was measured.",
        *failed,
        *(line for case in cases for line in case_table(found, case)),
        "",
        *ratios(found, cases),
    ]


def case_table(found: dict, case: str) -> list[str]:
    """A row for each contender."""
    header = ["server"]
    for clients in CLIENTS:
        header += [f"{clients}: requests/s", "p50", "p99"]
    header += ["spread", "cores", "failed"]
    rows = []
    for name, title in found["titles"].items():
        if wrong := found["wrong"].get(f"{name}, {case}"):
            rows.append([title, wrong, *[""] * (len(header) - 2)])
        cells = []
        for clients in CLIENTS:
            seen = series(found, name, case, clients)
            if seen["rate"]:
                rate, p50, p99 = (statistics.median(seen[key]) for key in ("rate", "p50", "p99"))
                cells += [f"{rate:.0f}", f"{1000 * p50:.1f}", f"{1000 * p99:.1f}"]
        if cells:
            spread = f"{min(seen['rate']):.0f} to {max(seen['rate']):.0f}"
            cores = f"{statistics.median(seen['cores']):.2f}"
            rows.append([title, *cells, spread, cores, str(sum(seen["failed"]))])
    told = f"**{case}**: by clients; spread, cores used and failed requests at {CLIENTS[-1]}"
    return ["", told, "", *results.table(header, rows)] if rows else []


def ratios(found: dict, cases: Sequence[str]) -> list[str]:
    """Ours against the best peer of each case."""
    mine = [name for name in found["titles"] if name.startswith("ours")]
    rows = []
    for case in cases:
        for clients in CLIENTS:
            medians = {
                name: [statistics.median(seen[key]) for key in ("rate", "p50", "p99")]
                for name in found["titles"]
                if (seen := series(found, name, case, clients))["rate"]
            }
            others = {name: told for name, told in medians.items() if name not in mine}
            if not others or not mine or not set(mine) <= set(medians):
                continue
            best = max(others, key=lambda name: others[name][0])
            rows.append([case, str(clients), found["titles"][best]])
            for name in mine:
                rate, p50, p99 = medians[name]
                times = [rate / others[best][0], p50 / others[best][1], p99 / others[best][2]]
                rows[-1].append(" / ".join(f"{value:.2f}" for value in times))
    header = ["case", "clients", "best peer", *(found["titles"][name] for name in mine)]
    told = "Ours / the best peer: requests a second, p50, p99 (of the medians)."
    return [told, "", *results.table(header, rows)] if rows else []


def series(found: dict, name: str, case: str, clients: int) -> dict[str, list[float]]:
    """Requests a second, p50, p99, cores and failed requests of all turns."""
    mine = [
        one
        for one in found["windows"]
        if (one["contender"], one["case"], one["clients"]) == (name, case, clients)
    ]
    return {key: [one[key] for one in mine] for key in ("rate", "p50", "p99", "cores", "failed")}
