"""What `ntm eval` measured, as tables for the terminal. Reads evaluation.json, measures nothing."""

from collections.abc import Iterable
from typing import Any

from rich.table import Table

from ntm.evaluation import babi_table
from ntm.evaluation.published import published

_ERRORS = ("mean", "median", "worst", "perfect", "optimum")
_BRIEFLY = ("mean", "median", "perfect", "optimum")

Evaluation = dict[str, Any]  # the content of an evaluation.json


def one_model(title: str, evaluation: Evaluation) -> Table:
    """Every setting of one model."""
    if evaluation["task"] == "babi":
        return stories(title, evaluation)
    title = f"{title}: {evaluation['unit']}"
    table = _table(title, ["setting"], ["slots", "sequences", *_ERRORS])
    for row in evaluation["results"]:
        table.add_row(
            shown(row),
            str(row["memory_slots"]),
            str(row["sequences"]),
            *_errors(row, _ERRORS),
        )
    return table


def stories(title: str, evaluation: Evaluation) -> Table:
    """Every bAbI task of one model, beside what others published."""
    heading, *rows = babi_table.table(evaluation)
    table = _table(f"{title}: wrong answers in per cent", heading[:1], heading[1:])
    for row in rows:
        table.add_row(*row)
    return table


def all_models(rows: Iterable[tuple[str, Evaluation, Evaluation | None]]) -> Table:
    """Every model on every setting, beside an LSTM and what others published.

    Args:
        rows: a model's name, its evaluation and its baseline's
    """
    columns = ["slots", *_BRIEFLY, "LSTM", "paper", "best peer"]
    table = _table("errors a sequence", ["model", "setting"], columns)
    for name, evaluation, baseline in rows:
        lstm = {_setting(row): f"{row['mean']:.2f}" for row in (baseline or {}).get("results", ())}
        for index, row in enumerate(evaluation["results"]):
            others = published(evaluation["task"], row["sizes"])
            table.add_row(
                name if index == 0 else "",
                shown(row),
                str(row["memory_slots"]),
                *_errors(row, _BRIEFLY),
                lstm.get(_setting(row), ""),
                *others,
            )
        table.add_section()
    return table


def _errors(row: dict[str, Any], columns: tuple[str, ...]) -> list[str]:
    return [f"{row.get(name, 0.0):{'.0%' if name == 'perfect' else '.2f'}}" for name in columns]


def shown(row: dict[str, Any], between: str = " ") -> str:
    """A row's sizes, and whether the training had such."""
    sizes = between.join(f"{name} {value}" for name, value in row["sizes"].items())
    if not sizes:
        return "held out"
    return f"{sizes} (in training)" if row.get("beyond_training") is False else sizes


def _setting(row: dict[str, Any]) -> str:
    return " ".join(f"{name} {value}" for name, value in row["sizes"].items())


def _table(title: str, names: list[str], numbers: list[str]) -> Table:
    table = Table(title=title)
    for name in names:
        table.add_column(name, no_wrap=True)
    for number in numbers:
        table.add_column(number, justify="right")
    return table
