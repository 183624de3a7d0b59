"""``car compare``: the work, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from car.terminal.console import console
from car.terminal.progress import progress_bar
from training.command import noting
from training.comparison.comparison import compare_models
from training.comparison.view import show_comparison
from training.dataset import LeftOut


def compare_and_show(models: Sequence[Path], sessions: Sequence[Path]) -> tuple[LeftOut, ...]:
    """Compare ``models`` on ``sessions``, print what comes of it, and return the sessions that were left out.

    Raises what ``compare_models`` raises.
    """
    left_out: list[LeftOut] = []
    with progress_bar("comparing") as done:
        comparison = compare_models(models, sessions, noting(left_out), _say, done=done)
    show_comparison(comparison)
    return tuple(left_out)


def _say(sentence: str) -> None:
    console.print(sentence, style="yellow", highlight=False, soft_wrap=True)
