"""The camera, the drivetrain and the sensors of the simulated world, which makes all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from car.kinds.calibration import Calibration
from car.kinds.camera import CameraKind, CameraSection
from car.kinds.drivetrain import DrivetrainKind, DrivetrainSection
from car.kinds.picamera import ribbon_cameras
from car.kinds.sensor import SensorKind, SensorSection
from car.kinds.verdict import Verdict, ok
from hardware.camera import Camera
from hardware.clock import Clock
from hardware.computer import Computer
from hardware.drivetrain import Drivetrain
from hardware.errors import CameraError, DrivetrainError, SensorError
from hardware.sensor import Sensor


class SimulatedSection(DrivetrainSection):
    """The simulated world's car."""


class SimulatedRangeSection(SensorSection):
    """A range sensor at the bumper of the simulated world's car: how often it measures, how far and how wide.

    ``yaw_deg`` is how far it is turned to the left.

    >>> SimulatedRangeSection(fov_deg=15.0).max_m
    4.0
    """

    kind: str = "simulated"
    rate_hz: Annotated[float, Field(ge=1, le=100)] = 20.0
    max_m: Annotated[float, Field(gt=0, le=20)] = 4.0
    fov_deg: Annotated[float, Field(gt=0, le=120)] = 27.0
    yaw_deg: Annotated[float, Field(ge=-90, le=90)] = 0.0
    delay_ms: Annotated[float, Field(ge=0, le=300)] = 30.0


class SimulatedEncoderSection(SensorSection):
    """A wheel encoder on the simulated world's car; with two ``channels`` it tells the direction.

    >>> SimulatedEncoderSection(channels=1).mm_per_tick
    10.0
    """

    kind: str = "simulated_encoder"
    mm_per_tick: Annotated[float, Field(ge=1, le=500)] = 10.0
    channels: Literal[1, 2] = 2


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


class SimulatedRangeKind(SensorKind[SimulatedRangeSection]):
    """The simulated world's range sensor."""

    section = SimulatedRangeSection
    is_simulated = True

    def open(self, section: SimulatedRangeSection, name: str, clock: Clock) -> Sensor:
        """Raise SensorError: it belongs to its world."""
        raise SensorError("A simulated sensor belongs to its world. Open the car's devices together.")


class SimulatedEncoderKind(SensorKind[SimulatedEncoderSection]):
    """The simulated world's wheel encoder."""

    section = SimulatedEncoderSection
    is_simulated = True

    def open(self, section: SimulatedEncoderSection, name: str, clock: Clock) -> Sensor:
        """Raise SensorError: it belongs to its world."""
        raise SensorError("A simulated sensor belongs to its world. Open the car's devices together.")
