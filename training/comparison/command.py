"""``car compare``: the work, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from car.terminal.console import console
from car.terminal.progress import progress_bar
from training.command import noting
from training.comparison.comparison import compare_models
from training.comparison.page import page_of
from training.comparison.view import show_comparison
from training.dataset import LeftOut
from training.report.command import check_place, write_report


def compare_and_show(models: Sequence[Path], sessions: Sequence[Path], html: Path | None = None) -> tuple[LeftOut, ...]:
    """Compare ``models`` on ``sessions``, print what comes of it, and return the sessions that were left out.

    It is written to the page ``html`` too. Raises what ``compare_models`` raises, and RecordingError when the page
    cannot be written, or must not be.
    """
    if html is not None:
        check_place(html)
    left_out: list[LeftOut] = []
    with progress_bar("comparing") as done:
        comparison = compare_models(models, sessions, noting(left_out), _say, done=done)
    show_comparison(comparison)
    if html is not None:
        with progress_bar("drawing the page") as done:
            page = page_of(comparison, done)
        write_report(html, page)
    return tuple(left_out)


def _say(sentence: str) -> None:
    console.print(sentence, style="yellow", highlight=False, soft_wrap=True)
