"""Pictures of a drive: its way over the track, and what the camera saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from car.drive_record import DriveRecord
from car.errors import RecordingError
from hardware.camera import Frame, Image
from hardware.drivetrain import Command, Pose
from simulator.floor import Floor

SCALE = 2
SHEET_COLUMNS = 4
SHEET_FRAMES = 12
SNAPSHOT_HZ = 10
STEERING_COLOUR = (80, 255, 120)


@dataclass(slots=True)
class Snapshots:
    """Observes a drive and keeps a frame with its command every so often; hand it to a simulation.

    >>> snapshots = Snapshots(rate_hz=20.0)
    >>> for frame in frames:
    ...     snapshots(record, frame)
    >>> len(snapshots.kept)
    30

    ``rate_hz`` is the camera's, of whose frames ``SNAPSHOT_HZ`` a second are kept.
    """

    rate_hz: float
    kept: list[tuple[Frame, Command]] = field(default_factory=list)
    seen: int = 0

    def __call__(self, record: DriveRecord, frame: Frame | None) -> None:
        """Keep ``frame`` if its turn has come."""
        if frame is not None:
            if self.seen % max(1, round(self.rate_hz / SNAPSHOT_HZ)) == 0:
                self.kept.append((frame, record.applied))
            self.seen += 1


def draw_command(image: Image, command: Command) -> Image:
    """Return ``image`` enlarged, with a line from the bottom that leans as the wheels do, as long as the throttle."""
    height, width = image.shape[0] * SCALE, image.shape[1] * SCALE
    large = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    angle_rad = command.steering * np.pi / 4
    length = height * (0.15 + abs(command.throttle))
    start = (width // 2, height - 1)
    end = (round(start[0] + length * np.sin(angle_rad)), round(start[1] - length * np.cos(angle_rad)))
    cv2.line(large, start, end, STEERING_COLOUR, SCALE, cv2.LINE_AA)
    return np.asarray(large, np.uint8)


def save_trajectory(path: Path, floor: Floor, trajectory: Sequence[Pose]) -> None:
    """Save a picture of the track from above with the way the car took; raises RecordingError."""
    _save(path, floor.picture(trajectory))


def save_contact_sheet(path: Path, snapshots: Snapshots) -> None:
    """Save what the camera saw at moments all along the drive, with the commands; raises RecordingError."""
    chosen = snapshots.kept[:: max(1, len(snapshots.kept) // SHEET_FRAMES)][:SHEET_FRAMES]
    pictures = [draw_command(frame.image, command) for frame, command in chosen]
    pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % SHEET_COLUMNS)
    rows = [np.hstack(pictures[at : at + SHEET_COLUMNS]) for at in range(0, len(pictures), SHEET_COLUMNS)]
    _save(path, np.vstack(rows))


def _save(path: Path, picture: Image) -> None:
    if not cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
        raise RecordingError(f"{path} cannot be written. Free some space on the disk, or choose another folder.")
