"""``[calibration]`` of ``car.toml``, and the values that a person finds by trying them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from car.kinds.section import Section
from hardware.drivetrain import Command

Value = float | bool


class Calibration(Section):
    """What ``car calibrate`` found, and on which day; without a day, a car that has something to calibrate never arms.

    >>> class BrakeCalibration(Calibration):
    ...     brake_start: float = 0.1
    >>> BrakeCalibration(brake_start=0.15, calibrated=date(2025, 5, 1)).brake_start
    0.15

    A drivetrain's own values are a class that derives from this one; each has a default, which is safe.
    """

    calibrated: date | None = None

    def on_full_scale(self) -> Self:
        """Return the full scale of a car that is calibrated so far by this: see ``car.calibration``."""
        return self


@dataclass(frozen=True, slots=True)
class CalibrationField:
    """One value of ``[calibration]`` as a person sees it: numbers in ``minimum`` … ``maximum``, or yes and no.

    >>> field = CalibrationField(
    ...     *("brake_start", "Brake", "motors", 0.1, "The share of full power at which it begins to brake."),
    ...     show=lambda scale, value: Command(steering=0.0, throttle=-value),
    ... )
    >>> field.show(Calibration(), 0.15)
    Command(steering=0.0, throttle=-0.15)

    ``output`` is what of the car it belongs to: values of one output stand together. ``show`` returns the command that
    shows on a full scale what a value does, its throttle as if there were no limits.
    """

    name: str
    label: str
    output: str
    value: Value
    help: str
    show: Callable[[Any, Any], Command]
    minimum: float = 0.0
    maximum: float = 1.0
    step: float = 0.01
    unit: str = ""
