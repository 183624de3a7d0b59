"""What a pilot is: it turns a frame into a command; ``[pilot]`` of ``car.toml``, and what a kind of pilot is."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from car.kinds.kind import Kind
from car.kinds.section import Section
from hardware.camera import CameraGeometry, Frame, Image
from hardware.closing import Closing
from hardware.drivetrain import Command
from hardware.errors import ContractError

SHIPPED_PILOT = "simulated-lane"
TFLITE = "tflite"
CHECK_PERIOD_NS = 50_000_000


@dataclass(frozen=True, slots=True)
class PilotAnswer:
    """The command a pilot asks for, and how long its network's own invoke took (0 for a pilot without one).

    >>> PilotAnswer(Command(steering=-0.2, throttle=0.15)).command.steering
    -0.2

    ``uncertainty`` is how little it knows of what it sees: from 1 on, the gate slows it down. It is 0 for a pilot that
    cannot tell.
    """

    command: Command
    inference_ns: int = 0
    uncertainty: float = 0.0


class Pilot(Closing):
    """Turns frames into commands, from one thread; the gate decides what becomes of them.

    >>> class Straight(Pilot):
    ...     name = "straight"
    ...
    ...     def drive(self, frame: Frame) -> PilotAnswer:
    ...         return PilotAnswer(Command(steering=0.0, throttle=0.2))
    ...
    ...     def close(self) -> None: ...
    >>> check_pilot(Straight())

    Use it as a context manager; ``close`` may be called twice. One that goes by earlier frames too overrides ``reset``,
    which is called when it gets a hand in the drive and wherever the car is carried to another place. ``name`` is shown
    to the driver, and so are ``warnings``, what its user ought to know, in sentences. ``check_pilot`` checks all that a
    pilot promises.
    """

    name: str
    warnings: tuple[str, ...] = ()

    @abstractmethod
    def drive(self, frame: Frame) -> PilotAnswer:
        """Return what the pilot would do on seeing ``frame``, whose image is read-only."""

    def picture(self, frame: Frame) -> Image | None:
        """Return ``frame`` for a person, with what the pilot goes by drawn into it, in any size; RGB uint8.

        It is asked of a pilot that does not drive, in place of ``drive``. None says that there is nothing to show.
        """
        return None

    def reset(self) -> None:
        """Forget the frames seen before: the next one is the first of a drive, or was taken in another place."""

    @abstractmethod
    def close(self) -> None:
        """Release what the pilot holds."""


class PilotSection(Section):
    """The pilot to drive with; a kind of your own derives from it, and adds the keys that it needs.

    >>> class FollowerSection(PilotSection):
    ...     gain: float = 1.0
    >>> FollowerSection(kind="follower", gain=2.5).gain
    2.5

    ``model`` is a ``.tflite`` file's name; to a pilot that has none it means nothing.
    """

    kind: str = TFLITE
    model: str = SHIPPED_PILOT


PilotSectionT = TypeVar("PilotSectionT", bound=PilotSection)


class PilotKind(Kind[PilotSectionT]):
    """A kind of pilot; ``has_picture`` says that its pilots show what they go by.

    >>> class SteadyKind(PilotKind[PilotSection]):
    ...     section = PilotSection
    ...
    ...     def open(self, section: PilotSection, camera: CameraGeometry, car_dir: Path) -> Pilot:
    ...         return pilot
    >>> SteadyKind().open(PilotSection(), geometry, folder).name
    'straight'
    """

    has_picture: bool = False

    @abstractmethod
    def open(self, section: PilotSectionT, camera: CameraGeometry, car_dir: Path) -> Pilot:
        """Open the pilot for a camera; ``car_dir`` is the car's folder.

        Raises ModelError, or any OSError, when there is no such pilot or it cannot drive by frames of that size.
        """

    def anchored(self, section: PilotSectionT, car_dir: Path) -> PilotSectionT:
        """Return a section that means the same pilot from any other folder: files are named by their whole path."""
        return section


def check_pilot(pilot: Pilot, camera: CameraGeometry | None = None) -> None:
    """Check that ``pilot`` keeps every promise of ``Pilot``, and close it.

    It is for every pilot, a stranger's too:

    >>> check_pilot(pilot)

    It is shown black, white and random frames of the size that ``camera`` has, by default the smallest that cars use.
    How fast it answers ``car doctor`` measures. Raises ContractError with the first promise that is broken; what the
    pilot itself raises passes through.
    """
    geometry = camera or CameraGeometry()
    _require(isinstance(pilot, Pilot), "is not a car.kinds.Pilot")
    _require(isinstance(getattr(pilot, "name", None), str) and pilot.name != "", "has no name")
    try:
        pilot.reset()
        for number, image in enumerate(_images(geometry)):
            before = image.copy()
            _is_answer(pilot.drive(Frame(image, number * CHECK_PERIOD_NS, number)))
            _require(np.array_equal(image, before), "writes to the frame that it is shown; copy it first")
    finally:
        pilot.close()
    pilot.close()


def _images(geometry: CameraGeometry) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    shape = (geometry.height, geometry.width, 3)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    images = [np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), noise]
    for image in images:
        image.flags.writeable = False
    return images


def _is_answer(output: object) -> None:
    _require(isinstance(output, PilotAnswer), f"answers {output!r}, which is not a car.kinds.PilotAnswer")
    if isinstance(output, PilotAnswer):
        _require(output.command.is_valid(), f"asks for {output.command}, which is not finite or not in −1 … +1")
        _require(output.inference_ns >= 0, f"says that its network took {output.inference_ns} ns")
        _require(0.0 <= output.uncertainty < math.inf, f"gives an uncertainty of {output.uncertainty}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ContractError(f"The pilot {otherwise}. See car.kinds.Pilot for what it promises.")
