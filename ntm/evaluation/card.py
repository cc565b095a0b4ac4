"""A model's card: README.md and figure.png, written from its config.json and evaluation.json."""

from contextlib import suppress
from typing import Any

from ntm import figures, seeds
from ntm.architectures import catalogue
from ntm.evaluation.babi_table import as_markdown, table
from ntm.evaluation.published import published
from ntm.evaluation.reach import range_of, verified_slots
from ntm.evaluation.report import shown
from ntm.repository import checkpoint
from ntm.repository.folders import ModelDescription, VersionFolder, read_json
from ntm.runs.trace import Trace, TraceError
from ntm.tasks import Task

FIGURE = "figure.png"
FIGURE_SEED = 1
RECORDED = {"recipe", "seed", "seeds_compared", "updates", "sequences", "settings", "libraries"}


def write_card(version: VersionFolder) -> None:
    """Write README.md and the paper-style figure into a version's folder.

    A model whose task is not known here gets no figure, and needs no evaluation.

    Raises:
        RepositoryError: config.json, model.safetensors or evaluation.json is missing or damaged
    """
    description = version.description()
    task = description.make_task()
    needs_none = task is None and not version.evaluation.exists()
    evaluation = None if needs_none else read_json(version.evaluation)
    model = checkpoint.load(version)
    parts = [f"# {version.name}, version {version.version}"]
    if task is not None:
        seen = "What the heads did on one sequence" if model.signature.heads else "One sequence"
        for file, picture in draw(model, task, version).items():
            (version.path / file).write_bytes(picture)
            parts.append(f"![{seen}]({file})")
    parts.append(_architecture(description, model, evaluation))
    if evaluation is not None:
        parts.append(_measured(evaluation))
    parts += [training_told(description), _use(version)]
    version.card.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def draw(model: Any, task: Task, version: VersionFolder) -> dict[str, bytes]:
    """The run of one example of the task's default sizes as PNG files, those of its task last."""
    episode = task.sample(seeds.generator("example", FIGURE_SEED), 1)
    trace = Trace.record(
        model,
        episode.inputs[:, 0],
        task=task,
        target=episode.targets[:, 0],
        memory_slots=model.signature.slots_for(
            len(episode.inputs), task.slots_needed(task.complete({}))
        ),
        name=version.name,
        version=version.version,
    )
    files = {FIGURE: figures.render(figures.draw(trace), "png")}
    for name in task.figures:
        with suppress(TraceError):  # of an architecture that has not what it draws
            files[f"{name}.png"] = figures.render(figures.draw(trace, name), "png")
    return files


def _architecture(
    description: ModelDescription, model: Any, evaluation: dict[str, Any] | None
) -> str:
    config, architecture = description.config, catalogue.find(description.architecture)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    verified = verified_slots(description, evaluation)
    slots = f" (verified with {range_of(verified)})" if verified else " (not measured)"
    if config.fixed_slots is not None:
        slots = " (runs only with that N)" if config.fixed_slots else ""
    return (
        f"{article(architecture.title)} {architecture.title} (`{description.architecture}`) "
        f"trained on {description.task_name}: {config.summary}{slots}, "
        f"{parameters:,} parameters. "
        f"Input {config.input_size} channels, output {config.output_size}."
    )


def article(title: str) -> str:
    """`A`, or `An` before the sound of a vowel: of a word, or of an abbreviation's first letter."""
    vowels = "AEFHILMNORSX" if title.isupper() else "AEIO"
    return "An" if title[0].upper() in vowels else "A"


def _measured(evaluation: dict[str, Any]) -> str:
    if evaluation["task"] == "babi":
        return _answered(evaluation)
    rows = [(row, published(evaluation["task"], row["sizes"])) for row in evaluation["results"]]
    beside = any(any(others) for _, others in rows)
    columns = "| setting | memory slots | sequences | mean | median | worst | perfect |"
    lines = [
        "## Measured",
        "",
        f"{evaluation['unit'].capitalize()}, on sequences that neither training nor selection saw "
        f"(seed {evaluation['results'][0]['seed']}; by `ntm eval`, {evaluation['measured_at']})"
        f"{'; beside them what others reached' if beside else ''}.",
        "",
        columns + (" paper | best peer |" if beside else ""),
        "|---|---:|---:|---:|---:|---:|---:|" + ("---:|---:|" if beside else ""),
    ]
    for row, others in rows:
        lines.append(
            f"| {shown(row, ', ')} | {row['memory_slots']} | {row['sequences']} | "
            f"{row['mean']:.2f} | "
            f"{row['median']:.2f} | {row['worst']:.2f} | {row['perfect']:.0%} |"
            + (f" {others.paper} | {others.peer} |" if beside else "")
        )
    return "\n".join(lines)


def _answered(evaluation: dict[str, Any]) -> str:
    """The questions of the bAbI tasks, beside what others published."""
    first, files = evaluation["results"][0], evaluation.get("files")
    where = (
        f"Wrong answers in per cent to {first['sequences']:,} questions of each task: on stories "
        f"of the project's own generator that neither training nor selection saw (seed "
        f"{first['seed']}; by `ntm eval`, {evaluation['measured_at']})"
    )
    if files:
        names = [row["file"] for row in files["results"]]
        where += f", and on the published files {names[0]} to {names[-1]}, which no training saw"
    return (
        f"## Measured\n\n{where}. The answer is one class, lists included. Beside them what others "
        f"published, on the published test questions.\n\n{as_markdown(table(evaluation))}"
    )


def training_told(description: ModelDescription) -> str:
    """The card's section on the training."""
    told = description.training
    if imported := told.get("imported"):
        return (
            f"## Training\n\nNot here: imported from the checkpoint `{imported['file']}` (SHA-256 "
            f"`{imported['sha256']}`) of {imported['project']}, {imported['url']}, whose weights "
            f"are under the licence {imported['licence']}."
        )
    if not told.keys() >= RECORDED:
        return "## Training\n\nNot recorded by `ntm train`."
    settings = told["settings"]
    asked, chosen = told.get("own_write"), "the fewest errors on longer sequences"
    if asked:
        chosen += (
            f", among those in which every item's read owes over {asked['asked']['share']:g} of "
            f"itself to that item's write ({asked['least'][str(told['seed'])]:.3f} or more here)"
        )
    compared = len(told["seeds_compared"])
    why = f", chosen for {chosen}" if compared > 1 else ""
    polish = settings.get("polish")
    polished = f" {_polish(polish)}" if polish else ""
    start = settings.get("start")
    went_on = f" It went on from {start['model']}, version {start['version']}." if start else ""
    libraries = ", ".join(f"{name} {version}" for name, version in told["libraries"].items())
    return (
        f"## Training\n\n`ntm train {told['recipe']}`, seed {told['seed']} of "
        f"{compared} compared{why}: {told['updates']:,} updates of batches of "
        f"{settings['batch_size']} ({told['sequences']:,} sequences), {settings['optimizer']}, "
        f"rate {settings['learning_rate']:g} with {settings['decay']} decay.{went_on}{polished} "
        f"{libraries}."
    )


def _polish(told: dict[str, Any]) -> str:
    """One sentence on the second training."""
    what = [f"from a rate of {told['learning_rate']:g}"]
    what += [f"{name} {value}" for name, value in told.get("task_fields", {}).items()]
    if told.get("memory_slots"):
        what.append(f"{' to '.join(map(str, sorted(set(told['memory_slots']))))} memory slots")
    if told["rewriting"]:
        what.append(f"{told['rewriting']:g} times what is written over added to the loss")
    return f"The last {told['updates']:,} updates were a polish: {', '.join(what)}."


def _use(version: VersionFolder) -> str:
    return f"""## Use

```python
from pathlib import Path
from ntm import checkpoint, repository

model = checkpoint.load(repository.find(Path("models/{version.name}")))
```"""
