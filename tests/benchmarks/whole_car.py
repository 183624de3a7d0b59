"""A whole car without a simulator's weight: ``python -m tests.benchmarks.whole_car FOLDER``.

It is ``car.processes.drive.drive`` with its controls, desk and guard, as always, on recorded frames and wheels that are
not there; the shipped pilot drives until a signal ends it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from car.assembly.devices import Devices
from car.config.folder import open_car
from car.config.sections import CarConfig
from car.pilots.choosing import open_chosen
from car.processes.drive import drive
from car.processes.summary import DriveOptions
from hardware.cameras.recorded import RecordedCamera
from hardware.clock import Clock
from hardware.drivetrain import Command, Drivetrain
from tests.benchmarks.loop import endless_frames


class NoWheels(Drivetrain):
    """Takes every command and keeps none."""

    def apply(self, command: Command) -> Command:
        """Return ``command``."""
        return command

    def neutral(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def main(path: Path) -> int:
    """Drive until something ends it; return the exit code."""
    folder = open_car(path)

    def open_devices(config: CarConfig, clock: Clock) -> Devices:
        rate_hz = config.camera.rate_hz
        return Devices(RecordedCamera(endless_frames(rate_hz), config.camera.geometry, clock, rate_hz), NoWheels())

    summary = drive(
        DriveOptions(
            folder,
            open_chosen(folder.config.pilot, folder.config.camera.geometry, path),
            headless=True,
            laps=None,
            records=True,
            # A machine that is hot or short of volts is not what is measured.
            system_root=folder.path / "no-machine",
            open_devices=open_devices,
        )
    )
    print(summary.outcome)
    return summary.exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
