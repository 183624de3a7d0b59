"""How far a training is, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` steps of a ``stage``: ``"read"`` (frames), ``"train"`` (epochs) or ``"export"``.

    A training in rounds has ``"drive"`` and ``"try"`` too, with another set of them in every round.

    >>> progress = Progress("train", done=3, total=24, seconds_left=42.0)
    >>> f"{progress.done / progress.total:.0%}"
    '12%'

    ``seconds_left`` is None while nobody knows; ``note`` is a sentence about the latest step, such as its losses.
    """

    stage: str
    done: int
    total: int
    seconds_left: float | None = None
    note: str = ""


ProgressCallback = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """Show nothing."""
