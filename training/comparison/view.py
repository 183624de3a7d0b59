"""What is printed of a comparison."""

from __future__ import annotations

from rich.table import Column, Table

from car.terminal.console import console
from training.comparison.comparison import Comparison
from training.comparison.words import (
    LEAD_COLUMNS,
    SCORE_COLUMNS,
    explain,
    frames_words,
    group_rows,
    lead_rows,
    score_rows,
)


def show_comparison(comparison: Comparison) -> None:
    """Print how far each model is from the driver, where, how they compare, and what is to be said of it."""
    console.print(_scores(comparison))
    if len(comparison.models) > 1:
        console.print(_leads(comparison))
    console.print(_groups(comparison))
    for model in comparison.models:
        console.print(f"{model.name}: network {model.invoke_ms:.2f} ms a frame (median)", highlight=False)
    for sentence in explain(comparison):
        console.print(sentence, style="yellow", highlight=False)


def _scores(comparison: Comparison) -> Table:
    table = Table(*SCORE_COLUMNS, title=frames_words(comparison), title_justify="left")
    for number, row in enumerate(score_rows(comparison), start=1):
        table.add_row(*row, end_section=number == len(comparison.models))
    return table


def _leads(comparison: Comparison) -> Table:
    table = Table(*(column.format(comparison.models[0].name) for column in LEAD_COLUMNS))
    for row in lead_rows(comparison):
        table.add_row(*row)
    return table


def _groups(comparison: Comparison) -> Table:
    names = (model.name for model in comparison.models)
    table = Table("MAE where the driver steered", "frames", *(Column(name, overflow="fold") for name in names))
    for rows in group_rows(comparison):
        for number, row in enumerate(rows, start=1):
            table.add_row(*row, end_section=number == len(rows))
    return table
