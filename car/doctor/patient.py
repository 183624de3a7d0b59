"""Who is examined: a car, and the machine it runs on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from car.config.sections import CarConfig
from car.controls.gamepad import find_pad, import_evdev
from hardware.computer import Computer


def gamepad_name() -> str | None:
    """Return what the gamepad is called that is plugged in, or nothing; None where evdev is not installed."""
    if (evdev := import_evdev()) is None:
        return None
    device = find_pad(evdev)
    if device is None:
        return ""
    device.close()
    return str(device.name)


@dataclass(frozen=True, slots=True)
class Machine(Computer):
    """The computer, and the gamepad that is plugged into it."""

    gamepad_name: Callable[[], str | None] = gamepad_name


@dataclass(frozen=True, slots=True)
class Patient:
    """A car and its machine; ``problem`` says what is wrong with its ``car.toml``, and ``config`` is then the default.

    ``folder`` is the car's.
    """

    machine: Machine
    folder: Path
    config: CarConfig
    problem: str = ""
