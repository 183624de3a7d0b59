"""Films of the worst drives: what the camera saw where the car first left its lane, beside where it was."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.errors import RecordingError
from car.files import reason
from car.pilots.names import numbered
from car.runs.film import Film
from car.runs.film_picture import FilmPictures
from hardware.camera import Frame
from training.exam.drive import drive_beside
from training.exam.run import Result

BEFORE_S, AFTER_S = 5.0, 5.0
"""How much of the drive is shown before and after the car leaves its lane."""


class _Cut:
    """Observes a drive and hands to a film what is around the first departure, or the beginning if there is none."""

    def __init__(self, film: Film, rate_hz: float) -> None:
        self._film = film
        self._waiting: deque[tuple[DriveRecord, Frame]] = deque(maxlen=round(BEFORE_S * rate_hz))
        self._beginning: list[tuple[DriveRecord, Frame]] = []
        self._most_at_first = round((BEFORE_S + AFTER_S) * rate_hz)
        self._has_left = False

    def __call__(self, record: DriveRecord, frame: Frame | None) -> None:
        if frame is None:
            return
        if self._has_left:
            self._film(record, frame)
            return
        if len(self._beginning) < self._most_at_first:
            self._beginning.append((record, frame))
        self._waiting.append((record, frame))
        if record.lap_count is not None and record.lap_count.departures:
            self._has_left = True
            self._show(self._waiting)

    def end(self) -> None:
        """Show the beginning of a drive that has never left its lane."""
        if not self._has_left:
            self._show(self._beginning)

    def _show(self, cycles: Iterable[tuple[DriveRecord, Frame]]) -> None:
        for record, frame in cycles:
            self._film(record, frame)


def check_folder(folder: Path) -> None:
    """Raise RecordingError when no film can be written to ``folder``, which is made where there is none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RecordingError(f"No film can be written to {folder} ({reason(error)}). Choose another folder.") from error


def film_worst(result: Result, config: CarConfig, folder: Path, count: int = 3) -> list[Path]:
    """Have the candidate drive its ``count`` worst tasks again, save a film of each in ``folder``, and return them.

    Films that are there already stay, and a new one gets a number. The expert is not filmed: it does not look at what
    the camera shows. Raises RecordingError when they cannot be written.
    """
    if result.candidate.is_expert:
        return []
    check_folder(folder)
    paths = []
    for answer in result.worst(count):
        wanted = folder / f"{Path(result.candidate.name).stem}-{answer.task.level}-{answer.task.number}.webm"
        path = next(path for path in numbered(wanted) if not path.exists())
        rate_hz = config.camera.rate_hz
        with Film(path, FilmPictures(answer.task.scenario.open_track()), rate_hz, BEFORE_S + AFTER_S) as film:
            cut = _Cut(film, rate_hz)
            drive_beside(answer.expert, answer.task, result.candidate, config, cut)
            cut.end()
        if film.pictures:
            paths.append(path)
    return paths
