"""Models side by side, by what their cards say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Column, Table

from car.pilots.view import exam_words, read_card_of_file, size_words
from car.terminal.console import console
from models.contract import OUTPUTS, ModelCard
from models.errors import ModelError

PREDICTORS = {
    "": "the pilot",
    "predict_mean_": "predict the mean",
    "predict_zero_": "predict zero",
    "grey_ridge_": "linear, of grey pixels",
    "ridge_": "linear, of random filters",
}
"""Whose figures a card has, by what their names begin with; the two linear ones only if it was trained here."""
FIGURES = {"mae": "MAE", "r2": "R²"}
R2_IN_WORDS = (
    "R² is 1 for a perfect pilot, 0 for one that always gives the mean of the very frames it is judged by, and below 0 "
    "for a worse one."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A model to compare: its file, its card if it has one, and in words why there is none."""

    path: Path
    card: ModelCard | None
    why: str = ""

    @classmethod
    def read(cls, path: Path) -> Entry:
        """Read a model's card; one that cannot be read is an entry too."""
        try:
            card = read_card_of_file(path)
        except ModelError as error:
            return cls(path, None, str(error).removeprefix(f"{path}: "))
        return cls(path, card, "" if card else "no card: trained elsewhere")


def show_cards(paths: Sequence[Path]) -> None:
    """Print a table with a column for each model, and what to keep in mind when reading it."""
    entries = [Entry.read(path) for path in paths]
    console.print(_table(entries))
    for remark in remarks(entries):
        console.print(remark, style="yellow", highlight=False)


def rows(entries: Sequence[Entry]) -> list[tuple[str, list[str]]]:
    """Return the rows of the table: the name of a fact, and the fact for each model, empty where unknown."""
    facts: list[tuple[str, Callable[[ModelCard], str]]] = [
        ("frames", lambda card: f"{card.width}x{card.height}"),
        ("made", lambda card: card.created[:10]),
        ("sessions", lambda card: str(len(card.sessions))),
        ("learned from", lambda card: f"{sum(session.frames for session in card.sessions)} frames"),
        ("variant", lambda card: str(card.training.get("variant", ""))),
        ("exam", exam_words),
    ]
    table = [("size", [size_words(entry.path) for entry in entries])]
    if any(entry.why for entry in entries):
        table.append(("", [entry.why for entry in entries]))
    table += [(name, [fact(entry.card) if entry.card else "" for entry in entries]) for name, fact in facts]
    table += _figures([entry.card.metrics if entry.card else {} for entry in entries])
    table += _drives([entry.card.closed_loop if entry.card else {} for entry in entries])
    return table


def remarks(entries: Sequence[Entry]) -> list[str]:
    """Return, in sentences, what the figures do not say by themselves."""
    cards = [entry.card for entry in entries if entry.card is not None and entry.card.metrics]
    judged_by = {(frozenset(session.sha256 for session in card.sessions), card.split) for card in cards}
    sentences = []
    if len(judged_by) > 1:
        sentences.append(
            "Each was judged by frames of its own recordings, so the errors compare with the two predictors below them "
            "rather than with each other. Judge all by the same: car compare MODEL... --on SESSION"
        )
    if any(_is_below_0(card) for card in cards):
        sentences.append(R2_IN_WORDS)
    return sentences


def _is_below_0(card: ModelCard) -> bool:
    """Tell whether the table shows an R² below 0 where one expects none: the model's, or that of predict the mean."""
    names = ("r2", "predict_mean_r2")
    figures = [card.metrics.get(output, {}).get(name, 0.0) for output in OUTPUTS for name in names]
    return any(isinstance(figure, int | float) and round(figure, 3) < 0 for figure in figures)


def _table(entries: Sequence[Entry]) -> Table:
    table = Table("", *(Column(entry.path.stem) for entry in entries))
    for name, facts in rows(entries):
        table.add_row(name, *facts)
    return table


def _figures(metrics: Sequence[Mapping[str, Mapping[str, float]]]) -> list[tuple[str, list[str]]]:
    figures = [
        (
            f"  {words}" if prefix else f"{output} {figure}",
            [_number(table.get(output, {}).get(prefix + key)) for table in metrics],
        )
        for output in OUTPUTS
        for key, figure in FIGURES.items()
        for prefix, words in PREDICTORS.items()
    ]
    return [(name, values) for name, values in figures if any(values)]


def _number(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else ""


def _drives(closed_loops: Sequence[Mapping[str, float | str]]) -> list[tuple[str, list[str]]]:
    """Return how each drove in the simulator, a row for each track that any of them was driven on."""
    tracks = dict.fromkeys(track for drives in closed_loops for track in drives)
    return [(f"on {track}", [str(drives.get(track, "")) for drives in closed_loops]) for track in tracks]
