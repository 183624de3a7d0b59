"""The camera: what is plugged in, and whether Python can reach it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from car.doctor.patient import Machine, Patient
from car.kinds.verdict import Verdict, error, ok, warning

MODULES = ("libcamera", "picamera2")
LIST_COMMANDS = ("rpicam-hello", "libcamera-hello")
"""Of Trixie and Bookworm, and of older Bookworms."""
_CAMERA = re.compile(r"^\d+ : (\S+)", re.MULTILINE)
_MODE = re.compile(r"(\d+x\d+) \[([\d.]+) fps")
_USB_MODE = re.compile(r"Size: Discrete (\d+x\d+)\s+Interval: Discrete [\d.]+s \(([\d.]+) fps\)")


def libcamera(patient: Patient) -> Iterator[Verdict]:
    """Whether libcamera and picamera2, which come with Raspberry Pi OS alone, can be imported here."""
    problem = patient.machine.import_problem(*MODULES)
    if not problem:
        yield ok("libcamera and picamera2 work in this Python.")
    elif patient.config.camera.kind != "picamera":
        yield ok("libcamera and picamera2 do not work in this Python, and are not needed.")
    else:
        again = "" if "No module named" in problem else "--reinstall "
        yield error(
            f"libcamera and picamera2 do not work in this Python ({problem}).",
            f"sudo apt install {again}python3-picamera2, once Python and NumPy above are well",
        )


def camera(patient: Patient) -> Iterator[Verdict]:
    """Which cameras there are, and with which modes."""
    kind = patient.config.camera.kind
    if kind == "simulated" and patient.config.drivetrain.is_real:
        yield warning(
            "The camera is simulated and the wheels are real: a pilot would drive by a track that is not there.",
            '[camera] kind = "picamera", or "usb"',
        )
    elif kind == "simulated":
        yield ok("The camera is simulated.")
    if kind == "picamera" or (kind == "simulated" and patient.machine.is_pi):
        yield from _ribbon_cameras(patient.machine, is_needed=kind == "picamera")
    if kind == "usb":
        yield _usb_cameras(patient.machine, patient.config.camera.device)


def _ribbon_cameras(machine: Machine, *, is_needed: bool) -> Iterator[Verdict]:
    listing = next((text for name in LIST_COMMANDS if (text := machine.run(name, "--list-cameras")) is not None), None)
    if listing is None:
        text = "No program is installed that lists the cameras"
        yield warning(f"{text}.", "sudo apt install rpicam-apps-lite") if is_needed else ok(f"{text}.")
        return
    for name, modes in _cameras(listing):
        yield ok(f"{name} is plugged in; modes: {', '.join(modes) or 'not told'}.")
    if is_needed and not _CAMERA.search(listing):
        yield error(
            "No camera is plugged in, or its ribbon is the wrong way round.",
            "Switch the Pi off, push the ribbon in straight, then: rpicam-hello --list-cameras",
        )


def _cameras(listing: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each camera in what ``rpicam-hello --list-cameras`` prints, with its modes."""
    _, *parts = _CAMERA.split(listing)
    for name, details in zip(parts[::2], parts[1::2], strict=True):
        yield name, _in_words(_MODE.findall(details))


def _in_words(modes: list[tuple[str, str]]) -> list[str]:
    return list(dict.fromkeys(f"{size} at {float(rate):.0f}/s" for size, rate in modes))


def _usb_cameras(machine: Machine, device: str) -> Verdict:
    if machine.platform != "linux":
        return ok("This system does not tell which USB cameras there are.")
    found = [path.name for path in sorted(machine.root.glob("dev/v4l/by-id/usb-*-video-index0"))]
    words = ", ".join(found) or "none"
    if device and not machine.exists(device.removeprefix("/")):
        return error(
            f"There is no {device}; USB cameras: {words}.",
            f'[camera] device = "/dev/v4l/by-id/{found[0]}"'
            if found
            else "Plug the camera in, then: ls /dev/v4l/by-id",
        )
    if not found:
        return error("No USB camera is plugged in.", "Plug it in, then: ls /dev/v4l/by-id")
    listing = machine.run("v4l2-ctl", "--device", device or f"/dev/v4l/by-id/{found[0]}", "--list-formats-ext") or ""
    modes = ", ".join(_in_words(_USB_MODE.findall(listing))) or "not told without v4l2-ctl, of apt's v4l-utils"
    return ok(f"USB cameras: {words}; modes: {modes}.")
