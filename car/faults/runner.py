"""The drive process of a trial: ``python -m car.faults.runner FAULT FOLDER``.

It is ``car.processes.drive.drive`` with its desk and its guard, as always; the camera, the drivetrain or the pilot that
it is handed fails once a time, in nanoseconds, has been written to the standard input. When that closes, the drive
ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from car.assembly.devices import Devices, open_devices
from car.config.folder import open_car
from car.config.sections import CarConfig
from car.errors import KNOWN_ERRORS
from car.faults.menu import fault_named
from car.pilots.choosing import open_chosen
from car.processes.controls import run_controls
from car.processes.drive import drive
from car.processes.summary import DriveOptions
from car.terminal.streams import make_output_safe
from hardware.clock import Clock, SystemClock
from hardware.faults import Onset


def main(name: str, path: Path) -> int:
    """Drive until something ends it; return the exit code."""
    make_output_safe()
    fault, folder, onset = fault_named(name), open_car(path), Onset(SystemClock())
    threading.Thread(target=_listen, args=(onset,), daemon=True).start()
    pilot = open_chosen(folder.config.pilot, folder.config.camera.geometry, path)

    def open_faulty(config: CarConfig, clock: Clock) -> Devices:
        devices = open_devices(config, clock)
        return devices if fault.devices is None else fault.devices(devices, onset)

    options = DriveOptions(
        folder,
        pilot if fault.pilot is None else fault.pilot(pilot, onset),
        headless=not fault.controls,
        laps=None,
        records=fault.records,
        # The machine that is broken in play may be hot all the same, and a simulated car does not mind.
        system_root=folder.path / "no-machine",
        open_devices=open_faulty,
        run_controls=fault.run_controls or run_controls,
    )
    try:
        summary = drive(options)
    except KNOWN_ERRORS as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{summary.outcome}\n")
    return summary.exit_code


def _listen(onset: Onset) -> None:
    """Take the time of the onset from the standard input, and end the drive when whoever wrote it is gone."""
    while line := os.read(0, 64):
        onset.time_ns = int(line)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
