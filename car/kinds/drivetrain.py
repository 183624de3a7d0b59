"""``[drivetrain]`` of ``car.toml``, and what a kind of drivetrain is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from car.kinds.calibration import Calibration, CalibrationField, Value
from car.kinds.kind import Kind
from car.kinds.section import Section
from hardware.clock import Clock
from hardware.drivetrain import Drivetrain
from hardware.neutral import Output


class DrivetrainSection(Section):
    """What turns the wheels; a kind of your own derives from it, and adds the keys that it needs.

    >>> class SerialSection(DrivetrainSection):
    ...     port: str
    >>> SerialSection(kind="serial", port="/dev/ttyACM0").timeline
    ''

    With ``timeline``, every command is appended to that file as well.
    """

    kind: str = "simulated"
    timeline: str = ""

    @property
    def steering_step_us(self) -> float | None:
        """The smallest change of the steering pulse; None where steering has no pulses."""
        return None

    @property
    def used_gpios(self) -> tuple[int, ...]:
        """The GPIOs of a Raspberry Pi's header that nothing else may have."""
        return ()


@dataclass(frozen=True, slots=True)
class PinNeeds:
    """What of a Raspberry Pi's header a drivetrain uses, for the doctor to look at; by default nothing.

    >>> PinNeeds(gpio=True, pwm_gpios=(12, 13)).is_any
    True
    >>> PinNeeds().is_any
    False

    ``gpio`` that it sets pins itself, ``pwm_gpios`` the pins that hardware PWM must reach, ``pio_gpios`` those that the
    pulses of a Pi 5's PIO must, ``pca9685`` the I²C bus and address of the board that it is on.
    """

    gpio: bool = False
    pwm_gpios: tuple[int, ...] = ()
    pio_gpios: tuple[int, ...] = ()
    pca9685: tuple[int, int] | None = None

    @property
    def is_any(self) -> bool:
        """True where there is something that only a Raspberry Pi has."""
        return self != PinNeeds()


DrivetrainSectionT = TypeVar("DrivetrainSectionT", bound=DrivetrainSection)
CalibrationT = TypeVar("CalibrationT", bound=Calibration)


class DrivetrainKind(Kind[DrivetrainSectionT], Generic[DrivetrainSectionT, CalibrationT]):
    """A kind of drivetrain.

    >>> class FileKind(DrivetrainKind[DrivetrainSection, Calibration]):
    ...     section = DrivetrainSection
    ...
    ...     def open(self, section: DrivetrainSection, calibration: Calibration, clock: Clock) -> Drivetrain:
    ...         from hardware.drivetrains.timeline import TimelineDrivetrain
    ...
    ...         return TimelineDrivetrain(clock)
    ...
    ...     def outputs(self, drivetrain: Mapping[str, Any], calibration: Mapping[str, Any]) -> Iterable[Output]:
    ...         return [{"kind": "timeline", "path": drivetrain["timeline"]}]
    >>> [output["kind"] for output in FileKind().outputs({"timeline": "wheels.timeline"}, {})]
    ['timeline']

    The methods below the first are for those who have something to say there. One that has nothing to calibrate has no
    ``calibration`` of its own, and can be armed as it is.
    """

    calibration: type[Calibration] = Calibration

    @abstractmethod
    def open(self, section: DrivetrainSectionT, calibration: CalibrationT, clock: Clock) -> Drivetrain:
        """Open the drivetrain, at neutral; raises DrivetrainError when it is not there."""

    def outputs(self, drivetrain: Mapping[str, Any], calibration: Mapping[str, Any]) -> Iterable[Output]:
        """Return how it is put to neutral from outside, when the process that drives is dead: see ``hardware.neutral``.

        Given the two sections as they stand in ``car.toml``, unchecked, because a car whose file has a mistake must
        stop as well. Without an output it must stop by itself.
        """
        return ()

    def fields(self, section: DrivetrainSectionT, calibration: CalibrationT) -> Sequence[CalibrationField]:
        """Return what there is to calibrate, with the values so far."""
        return ()

    def recalibrate(self, drivetrain: Drivetrain, calibration: CalibrationT) -> None:
        """Have ``drivetrain``, as ``open`` gave it, go to neutral and follow another calibration from there on.

        Raises DrivetrainError when it is closed, or cannot be written to.
        """

    def changed(self, values: Mapping[str, Value], name: str, value: Value) -> dict[str, Value]:
        """Return the values to calibrate with another one for ``name``, and whatever goes along with that."""
        return {**values, name: value}

    def inverted(self, output: str, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return the values that change when ``output`` is to work the other way round."""
        return {}

    def pin_needs(self, section: DrivetrainSectionT) -> PinNeeds:
        """Return what of a Raspberry Pi's header it uses."""
        return PinNeeds()

    def steering_words(self, section: DrivetrainSectionT, calibration: CalibrationT) -> str:
        """Return in words how finely it steers; asked where its section has a ``steering_step_us``."""
        return f"The {self.name} drivetrain steers in steps of {section.steering_step_us:g} µs"
