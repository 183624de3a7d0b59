"""From ``[drivetrain]`` and ``[calibration]`` to wheels that turn."""

from __future__ import annotations

from car.config.sections import CarConfig
from car.kinds.ours import DRIVETRAINS
from hardware.clock import Clock
from hardware.drivetrain import Drivetrain
from hardware.errors import DrivetrainError, HardwareError


def open_drivetrain(config: CarConfig, clock: Clock) -> Drivetrain | None:
    """Open the drivetrain of real wheels that ``config`` names, at neutral; None for the simulated car's.

    Raises DrivetrainError when it is not there.
    """
    kind = DRIVETRAINS.find(config.drivetrain.kind)
    if kind.is_simulated:
        return None
    try:
        drivetrain: Drivetrain = kind.open(config.drivetrain, config.calibration, clock)
    except HardwareError:
        raise
    except Exception as error:  # gpiozero's errors and lgpio's have no base in common but this one
        if isinstance(error, ImportError) and not kind.package:
            raise DrivetrainError(
                f"A package for the pins is not installed ({error}). "
                "Install Pocketpilot with its extra, pocketpilot[pi]."
            ) from error
        raise DrivetrainError(
            f"The {kind.name} drivetrain cannot be opened ({error}). "
            "Check [drivetrain] in car.toml and the wiring, and see car doctor."
        ) from error
    return drivetrain
