"""The camera and the drivetrain of the simulated world, which makes both."""

from __future__ import annotations

from collections.abc import Iterable

from car.kinds.calibration import Calibration
from car.kinds.camera import CameraKind, CameraSection
from car.kinds.drivetrain import DrivetrainKind, DrivetrainSection
from car.kinds.picamera import ribbon_cameras
from car.kinds.verdict import Verdict, ok
from hardware.camera import Camera
from hardware.clock import Clock
from hardware.computer import Computer
from hardware.drivetrain import Drivetrain
from hardware.errors import CameraError, DrivetrainError


class SimulatedSection(DrivetrainSection):
    """The simulated world's car."""


class SimulatedCameraKind(CameraKind[CameraSection]):
    """The simulated world's camera."""

    section = CameraSection
    is_simulated = True

    def open(self, section: CameraSection, clock: Clock) -> Camera:
        """Raise CameraError: it belongs to its world."""
        raise CameraError("A simulated camera belongs to its world. Open the car's devices together.")

    def check(self, section: CameraSection, computer: Computer) -> Iterable[Verdict]:
        """Say which real cameras could take its place on a Raspberry Pi."""
        if computer.is_pi:
            yield from ribbon_cameras(computer, is_needed=False)


class SimulatedKind(DrivetrainKind[SimulatedSection, Calibration]):
    """The simulated world's wheels."""

    section = SimulatedSection
    is_simulated = True

    def open(self, section: SimulatedSection, calibration: Calibration, clock: Clock) -> Drivetrain:
        """Raise DrivetrainError: they belong to their world."""
        raise DrivetrainError("Simulated wheels belong to their world. Open the car's devices together.")

    def check(self, section: SimulatedSection, computer: Computer) -> Iterable[Verdict]:
        """Say that there is nothing to look at."""
        yield ok("The drivetrain is simulated.")
