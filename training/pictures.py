"""Pictures of a drive: its way over the track, what the camera saw, and a short film of both."""

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
FILM_HZ = 10
FILM_S = 15
FILM_COLOURS = 64
MAP_SHRINK = 5
STEERING_COLOUR, CAR_COLOUR = (80, 255, 120), (230, 40, 40)


@dataclass(slots=True)
class Snapshots:
    """Observes a drive and keeps a frame with its command every so often; hand it to a simulation.

    >>> snapshots = Snapshots(rate_hz=20.0)
    >>> for frame in frames:
    ...     snapshots(record, frame)
    >>> len(snapshots.kept)
    30

    ``rate_hz`` is the camera's, of whose frames ``FILM_HZ`` a second are kept.
    """

    rate_hz: float
    kept: list[tuple[int, Frame, Command]] = field(default_factory=list)
    seen: int = 0

    def __call__(self, record: DriveRecord, frame: Frame | None) -> None:
        """Keep ``frame`` if its turn has come, with its place in the drive."""
        if frame is not None:
            if self.seen % max(1, round(self.rate_hz / FILM_HZ)) == 0:
                self.kept.append((self.seen, frame, record.applied))
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
    pictures = [draw_command(frame.image, command) for _, frame, command in chosen]
    pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % SHEET_COLUMNS)
    rows = [np.hstack(pictures[at : at + SHEET_COLUMNS]) for at in range(0, len(pictures), SHEET_COLUMNS)]
    _save(path, np.vstack(rows))


def save_film(path: Path, floor: Floor, trajectory: Sequence[Pose], snapshots: Snapshots) -> None:
    """Save the first seconds of the drive as a GIF: what the camera saw beside where the car was."""
    from PIL import Image as PillowImage

    pictures = [
        _film_picture(floor, trajectory[place], frame, command)
        for place, frame, command in snapshots.kept[: FILM_HZ * FILM_S]
    ]
    # One palette for all: a GIF whose colours stay put is half as large and does not flicker. The marks are too small
    # to get colours of their own by their share of the picture.
    swatches = np.full_like(pictures[0], STEERING_COLOUR)
    swatches[:, ::2] = CAR_COLOUR
    palette = PillowImage.fromarray(np.vstack([pictures[len(pictures) // 2], swatches])).quantize(FILM_COLOURS)
    first, *others = (
        PillowImage.fromarray(picture).quantize(palette=palette, dither=PillowImage.Dither.NONE) for picture in pictures
    )
    try:
        first.save(path, save_all=True, append_images=others, duration=1000 // FILM_HZ, loop=0)
    except OSError as error:
        raise RecordingError(f"{path} cannot be written ({error.strerror}). Free some space on the disk.") from error


def _film_picture(floor: Floor, pose: Pose, frame: Frame, command: Command) -> Image:
    ground = floor.picture((), shrink=MAP_SHRINK)
    x_px, y_px = floor.to_pixels(np.array([[pose.x_m, pose.y_m]]))[0] / MAP_SHRINK
    cv2.circle(ground, (round(x_px), round(y_px)), 8, CAR_COLOUR, -1, cv2.LINE_AA)
    seen = draw_command(frame.image, command)
    width = round(ground.shape[1] * seen.shape[0] / ground.shape[0])
    beside = cv2.resize(ground, (width, seen.shape[0]), interpolation=cv2.INTER_AREA)
    return np.hstack([seen, beside])


def _save(path: Path, picture: Image) -> None:
    if not cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
        raise RecordingError(f"{path} cannot be written. Free some space on the disk, or choose another folder.")
