"""What is printed of models."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from car.terminal.console import console
from models.contract import MADE_BY, ModelCard
from models.errors import ModelError
from models.loader import read_card


def show_model_list(paths: list[Path]) -> None:
    """Print a line for each model, an unreadable one's included."""
    table = Table("model", "frames", "size", "trained on", "steering MAE", "exam", "in the simulator")
    for path in paths:
        table.add_row(*_row(path))
    console.print(table)


def size_words(path: Path) -> str:
    """Return a file's size, empty where the file cannot be looked at."""
    try:
        return f"{path.stat().st_size / 1e3:.0f} kB"
    except OSError:
        return ""


def exam_words(card: ModelCard) -> str:
    """Return a model's score in the exam, and its version; empty where it has not sat the whole of it."""
    sat = exam_score(card)
    return "" if sat is None else f"{sat[0]:.1f} (exam {sat[1]})"


def exam_score(card: ModelCard) -> tuple[float, str] | None:
    """Return a model's score in the exam, 0 to 100, and the exam's version; None where it has not sat the whole of it.

    >>> exam_score(ModelCard("lane", 120, 160, exam={"score": 88, "version": "2"}))
    (88.0, '2')
    """
    score = card.exam.get("score")
    return (float(score), str(card.exam.get("version", ""))) if isinstance(score, int | float) else None


def read_card_of_file(path: Path) -> ModelCard | None:
    """Read a model's card; raises ModelError for what is no file too: whoever opened a pipe would wait for good."""
    if not path.is_file():
        raise ModelError(f"{path}: this is not a file, or a link to none. Put the file there, or delete it.")
    return read_card(path)


def _row(path: Path) -> tuple[str, ...]:
    size = size_words(path)
    try:
        card = read_card_of_file(path)
    except ModelError as error:
        return path.stem, "", size, str(error)
    return (path.stem, "", size, "no card") if card is None else (path.stem, *_card_row(card, size))


def _card_row(card: ModelCard, size: str) -> tuple[str, ...]:
    mae = card.metrics.get("steering", {}).get("mae")
    return (
        f"{card.width}x{card.height}",
        size,
        _trained_on(card),
        "" if mae is None else f"{mae:.3f}",
        exam_words(card),
        "; ".join(f"{track}: {outcome}" for track, outcome in card.closed_loop.items()),
    )


def _trained_on(card: ModelCard) -> str:
    frames = sum(session.frames for session in card.sessions)
    return str(card.training.get(MADE_BY, f"{frames} frames, {len(card.sessions)} sessions"))
