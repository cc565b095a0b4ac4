"""Pictures of what engine, growth, context and peers kept in results/: python benchmarks/plot.py"""

import itertools
import json
import statistics
from pathlib import Path

import matplotlib
from comparison import series
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from results import KEPT

matplotlib.use("Agg")

OURS, OTHERS, LIMIT = "#1b6ca8", "#b9bec6", "#d1495b"
INK, FAINT = "#22262b", "#6b727b"
SIZES = {
    "T": "steps of a sequence, T",
    "N": "memory slots, N",
    "M": "width of a slot, M",
    "heads": "heads",
    "controller": "controller size",
}
# Panels of the picture of peers: a case, how many clients, what is shown, and its title.
PANELS = (
    ("42 steps, outputs, json", 32, "rate", "42 steps, 32 clients\nrequests a second"),
    ("4 to 82 steps, outputs, json", 32, "rate", "4 to 82 steps, 32 clients\nrequests a second"),
    ("42 steps, outputs, json", 1, "p50", "42 steps, 1 client\nmedian latency, ms"),
)


def main() -> None:
    """Draw all that there are results for."""
    plt.rcParams.update(
        {
            "font.size": 10,
            "text.color": INK,
            "axes.edgecolor": FAINT,
            "axes.labelcolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.color": FAINT,
            "ytick.color": INK,
        }
    )
    drawn = {"engine": engine, "growth": growth, "context": context, "peers": peers}
    for name, draw in drawn.items():
        kept = KEPT / f"{name}.json"
        if not kept.exists():
            print(f"no {name}: run benchmarks/{name}.py first")
            continue
        figure = draw(json.loads(kept.read_text()))
        path = Path(__file__).with_name(f"{name}.png")
        figure.savefig(path, dpi=160, facecolor="white")
        plt.close(figure)
        print(path)


def engine(found: dict) -> Figure:
    """Microseconds a step and sequence, a panel for each batch size."""
    points = found["points"]
    batches = sorted({point["batch"] for point in points})
    limit = next(point["median"] for point in points if point["engine"] == "the limit")
    figure, all_axes = plt.subplots(1, len(batches), figsize=(12, 2.8), layout="constrained")
    figure.get_layout_engine().set(wspace=0.06)
    for axes, batch in zip(all_axes, batches, strict=True):
        mine = [p for p in points if p["batch"] == batch and p["engine"] != "the limit"]
        mine.sort(key=lambda point: -point["median"])
        names = [point["engine"].split(",")[0] for point in mine]
        bars(axes, names, [point["median"] for point in mine], "native")
        if batch == 1:  # several sequences share what is read of the weights
            axes.axvline(limit, color=LIMIT, linewidth=1.2)
        axes.set_title(f"batch of {batch}", loc="left", fontsize=10)
    all_axes[0].text(limit, -0.55, " limit for one sequence", color=LIMIT, fontsize=8, va="top")
    figure.supxlabel("µs a step and sequence, one thread", fontsize=10)
    return figure


def growth(found: dict) -> Figure:
    """A panel for each size, both engines; where the memory leaves a cache."""
    present = [name for name in SIZES if any(p["quantity"] == name for p in found["points"])]
    figure, all_axes = plt.subplots(
        1, len(present), figsize=(13, 3.2), layout="constrained", squeeze=False
    )
    for axes, quantity in zip(all_axes[0], present, strict=True):
        points = [point for point in found["points"] if point["quantity"] == quantity]
        sizes = [point["size"] for point in points]
        for name, colour in (("onnx", OTHERS), ("native", OURS)):
            times = [statistics.median(point["microseconds"][name]) for point in points]
            axes.loglog(sizes, times, "o-", color=colour, markersize=4, label=name)
        for cache, size in found["caches"].items():
            left = crossing([(p["size"], p["memory"] + p["weights"]) for p in points], size)
            if left:
                axes.axvline(left, color=LIMIT, linewidth=0.8, linestyle=":")
                label = f"past {cache} "
                axes.annotate(
                    label,
                    (left, 0.98),
                    xycoords=axes.get_xaxis_transform(),
                    ha="right",
                    va="top",
                    fontsize=8,
                    color=LIMIT,
                )
        axes.set_xlabel(SIZES[quantity])
        axes.set_xticks([sizes[0], sizes[len(sizes) // 2], sizes[-1]])
        axes.set_xticklabels([f"{axes_size:,}" for axes_size in axes.get_xticks()])
        axes.minorticks_off()
        axes.grid(axis="y", color="#e6e8eb")
    low = min(axes.get_ylim()[0] for axes in all_axes[0])
    high = max(axes.get_ylim()[1] for axes in all_axes[0])
    for axes in all_axes[0]:
        axes.set_ylim(low, high)
        axes.tick_params(labelleft=axes is all_axes[0][0])
    all_axes[0][0].set_ylabel("µs a step")
    all_axes[0][0].legend(frameon=False)
    return figure


def context(found: dict) -> Figure:
    """Bytes of state after so many steps, and of how many of a machine a step takes the time."""
    figure, (held, took) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    named = {"transformer-copy-feedback": "attention", "copy": "Neural Turing Machine"}
    points = found["points"]
    steps = [point["steps"] for point in points]
    for (model, name), colour in zip(named.items(), (LIMIT, OURS), strict=True):
        kibibytes = [point["bytes"][model] / 1024 for point in points]
        held.plot(steps, kibibytes, color=colour, marker="o", markersize=4, label=name)
    turns = [
        zip(*(point["microseconds"][model] for model in named), strict=True) for point in points
    ]
    ratios = [statistics.median(a / b for a, b in both) for both in turns]
    took.plot(steps, ratios, color=LIMIT, marker="o", markersize=4)
    held.set(title="KiB of state", yscale="log")
    took.set(title="time of a step, in steps of the machine", ylim=(0, None))
    for axis in (held, took):
        axis.set(xscale="log", xlabel="steps so far")
        axis.set_xticks(steps, labels=[str(count) for count in steps])
        axis.minorticks_off()
    held.legend(frameon=False)
    return figure


def peers(found: dict) -> Figure:
    """Servers side by side."""
    figure, all_axes = plt.subplots(
        1, len(PANELS), figsize=(11, 0.75 + 0.32 * len(found["titles"])), layout="constrained"
    )
    order = sorted(found["titles"], key=lambda name: median(found, name, *PANELS[0][:3]) or 0)
    for axes, (case, clients, key, title) in zip(all_axes, PANELS, strict=True):
        values = [median(found, name, case, clients, key) for name in order]
        scaled = [value and value * (1000 if key == "p50" else 1) for value in values]
        names = [found["titles"][name] for name in order]
        bars(axes, names, scaled, "ntm", missing="fails")
        axes.set_title(title, loc="left", fontsize=10)
        if axes is not all_axes[0]:
            axes.set_yticklabels([])
    return figure


def bars(
    axes: Axes,
    names: list[str],
    values: list[float | None],
    ours: str,
    missing: str = "",
) -> None:
    """Horizontal bars with their numbers, ours in colour."""
    colours = [OURS if name.startswith(ours) else OTHERS for name in names]
    axes.barh(names, [value or 0 for value in values], color=colours, height=0.72)
    axes.set_xlim(0, 1.2 * max(value or 0 for value in values))
    for place, value in enumerate(values):
        text = missing if value is None else f"{value:.0f}" if value >= 20 else f"{value:.1f}"
        axes.annotate(f" {text}", (value or 0, place), va="center", fontsize=8.5, color=INK)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", which="both", bottom=False, labelbottom=False)
    axes.tick_params(axis="y", length=0)


def median(found: dict, name: str, case: str, clients: int, key: str) -> float | None:
    """Of all turns, or None where the contender has no right answers to the case."""
    values = series(found, name, case, clients)[key]
    return statistics.median(values) if values else None


def crossing(points: list[tuple[int, int]], bound: int) -> float | None:
    """The size between two points at which their bytes pass the bound."""
    for (size, held), (next_size, next_held) in itertools.pairwise(points):
        if held <= bound < next_held:
            return size + (next_size - size) * (bound - held) / (next_held - held)
    return None


if __name__ == "__main__":
    main()
