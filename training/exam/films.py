"""Films of the worst drives: what the camera saw where the car first left its lane, beside where it was."""

from __future__ import annotations

from pathlib import Path

from car.assembly.devices import make_world
from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.errors import RecordingError
from hardware.camera import Frame
from hardware.clock import VirtualClock
from hardware.drivetrain import Pose
from training.exam.drive import drive_beside
from training.exam.run import Result
from training.pictures import FILM_HZ, Snapshots, save_film

BEFORE_S, SHOWN_S = 4.0, 7.0
"""How much of the drive is shown before the car leaves its lane, and how much of it in all."""


class _Filming:
    """Observes a drive: keeps frames, where the car was at each of them, and when it first left its lane."""

    def __init__(self, rate_hz: float) -> None:
        self.snapshots = Snapshots(rate_hz)
        self.poses: list[Pose] = []
        self._left_at: int | None = None

    def __call__(self, record: DriveRecord, frame: Frame | None) -> None:
        kept = len(self.snapshots.kept)
        self.snapshots(record, frame)
        if frame is not None and record.pose is not None:
            self.poses.append(record.pose)
        if self._left_at is None and record.lap_count is not None and record.lap_count.departures:
            self._left_at = kept

    def cut(self) -> Snapshots:
        """Return the part worth seeing: around the first departure, or the beginning."""
        first = max(0, (self._left_at or 0) - round(BEFORE_S * FILM_HZ))
        return Snapshots(self.snapshots.rate_hz, self.snapshots.kept[first : first + round(SHOWN_S * FILM_HZ)])


def film_worst(result: Result, config: CarConfig, folder: Path, count: int = 3) -> list[Path]:
    """Have the candidate drive its ``count`` worst tasks again, and save a GIF of each in ``folder``; return the files.

    The expert is not filmed: it does not look at what the camera shows. Raises RecordingError when they cannot be
    written.
    """
    if result.candidate.is_expert:
        return []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordingError(f"{folder} cannot be made ({error.strerror}). Choose another folder.") from error
    paths = []
    for answer in result.worst(count):
        filming = _Filming(config.camera.rate_hz)
        drive_beside(answer.expert, answer.task, result.candidate, config, filming)
        floor = make_world(config, VirtualClock(), answer.task.scenario).floor
        path = folder / f"{Path(result.candidate.name).stem}-{answer.task.level}-{answer.task.number}.gif"
        save_film(path, floor, filming.poses, filming.cut())
        paths.append(path)
    return paths
