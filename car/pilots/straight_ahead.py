"""A pilot that never steers: the least that a pilot has to be better than."""

from __future__ import annotations

from pathlib import Path

from car.kinds.pilot import Pilot, PilotAnswer, PilotKind, PilotSection
from hardware.camera import CameraGeometry, Frame
from hardware.drivetrain import Command

THROTTLE = 0.2


class StraightAhead(Pilot):
    """Drives straight ahead, whatever it sees.

    >>> StraightAhead().drive(frame).command
    Command(steering=0.0, throttle=0.2)
    """

    name = "straight-ahead"

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return the same command for every frame."""
        return PilotAnswer(Command(0.0, THROTTLE))

    def close(self) -> None:
        """Have nothing to release."""


class StraightAheadKind(PilotKind[PilotSection]):
    """A baseline to compare others with."""

    section = PilotSection

    def open(self, section: PilotSection, camera: CameraGeometry, car_dir: Path) -> Pilot:
        """Open it; any camera will do."""
        return StraightAhead()
