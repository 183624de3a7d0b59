"""The camera: what is plugged in, and whether Python can reach it."""

from __future__ import annotations

from collections.abc import Iterator

from car.doctor.patient import Patient
from car.kinds.ours import CAMERAS, DRIVETRAINS
from car.kinds.verdict import Verdict, error, ok, warning

MODULES = ("libcamera", "picamera2")


def libcamera(patient: Patient) -> Iterator[Verdict]:
    """Whether libcamera and picamera2, which come with Raspberry Pi OS alone, can be imported here."""
    problem = patient.machine.import_problem(*MODULES)
    if not problem:
        yield ok("libcamera and picamera2 work in this Python.")
    elif not CAMERAS.find(patient.config.camera.kind).needs_libcamera:
        yield ok("libcamera and picamera2 do not work in this Python, and are not needed.")
    else:
        again = "" if "No module named" in problem else "--reinstall "
        yield error(
            f"libcamera and picamera2 do not work in this Python ({problem}).",
            f"sudo apt install {again}python3-picamera2, once Python and NumPy above are in order",
        )


def camera(patient: Patient) -> Iterator[Verdict]:
    """Which cameras there are, and with which modes."""
    kind = CAMERAS.find(patient.config.camera.kind)
    if kind.package:
        yield ok(f"The camera is a {kind.name}, of the package {kind.package}.")
    elif kind.is_simulated and not DRIVETRAINS.find(patient.config.drivetrain.kind).is_simulated:
        yield warning(
            "The camera is simulated and the wheels are real: a pilot would drive by a track that is not there.",
            '[camera] kind = "picamera", or "usb"',
        )
    elif kind.is_simulated:
        yield ok("The camera is simulated.")
    yield from kind.check(patient.config.camera, patient.machine)
