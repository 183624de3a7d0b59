"""``car sessions report``: the work, and where it goes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from car.errors import RecordingError
from car.files import reason, replacing
from car.pilots.find import MODEL_SUFFIX
from car.sessions.format import SUFFIX
from car.terminal.console import console
from car.terminal.progress import progress_bar
from training.report.page import page_of
from training.report.report import DataReport, make_report
from training.report.view import show_report


def report_and_show(sessions: Sequence[Path], html: Path | None = None, json_file: Path | None = None) -> DataReport:
    """Look at ``sessions``, print what there is to know of them and write it to the files that are given.

    Raises what ``make_report`` raises, and RecordingError when a file cannot be written, or must not be.
    """
    for place in filter(None, (html, json_file)):
        check_place(place)
    if html is not None and html == json_file:
        raise RecordingError(f"{html} cannot be the page and the JSON. Name two files.")
    with progress_bar("looking at the sessions") as done:
        report = make_report(sessions, done=done)
    show_report(report)
    if json_file is not None:
        write_report(json_file, json_of(report))
    if html is not None:
        write_report(html, page_of(report))
    return report


def print_json(sessions: Sequence[Path]) -> DataReport:
    """Look at ``sessions`` and print what there is to know as JSON, and nothing else; raises as ``make_report``."""
    report = make_report(sessions)
    sys.stdout.write(json_of(report))
    return report


def json_of(report: DataReport) -> str:
    """Return the report as JSON."""
    return json.dumps(report.to_dict(), indent=2, allow_nan=False) + "\n"


def check_place(place: Path) -> None:
    """Raise RecordingError for what is no place for a report, before it is made: a folder, none, or a session."""
    if place.is_dir():
        raise RecordingError(f"{place} is a folder. Name a file in it for the report.")
    if place.exists() and not place.is_file():
        raise RecordingError(f"{place} is no file that can be replaced. Name another one for the report.")
    if place.suffix in (SUFFIX, MODEL_SUFFIX):
        kind = "session" if place.suffix == SUFFIX else "model"
        raise RecordingError(f"{place} is named like a {kind}. Write the report to another file.")
    if not place.parent.is_dir():
        raise RecordingError(f"{place} cannot be written (there is no {place.parent}). Choose another place for it.")


def write_report(path: Path, text: str) -> None:
    """Write a report to ``path`` in one step, and say how large it is; raises RecordingError when that fails."""
    try:
        with replacing(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise RecordingError(f"{path} cannot be written ({reason(error)}). Choose another place for it.") from error
    console.print(f"{path} ({len(text) / 1e6:.1f} MB)", highlight=False, soft_wrap=True)
