"""The camera on a Raspberry Pi's ribbon."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Self

from pydantic import model_validator

from car.kinds.camera import CameraKind, CameraSection
from car.kinds.verdict import Verdict, error, ok, warning
from hardware.camera import Camera
from hardware.clock import Clock
from hardware.computer import Computer

LIST_COMMANDS = ("rpicam-hello", "libcamera-hello")
"""Of Trixie and Bookworm, and of older Bookworms."""
_CAMERA = re.compile(r"^\d+ : (\S+)", re.MULTILINE)
_MODE = re.compile(r"(\d+x\d+) \[([\d.]+) fps")


class PicameraSection(CameraSection):
    """A camera on the ribbon: ``device`` is its number, empty for the first."""

    kind: str = "picamera"

    @model_validator(mode="after")
    def _names_a_device_of_its_kind(self) -> Self:
        if self.device and not self.device.isdecimal():
            raise ValueError(f'device is "{self.device}": a picamera is named by its number, "0" or "1"')
        return self


class PicameraKind(CameraKind[CameraSection]):
    """A camera on the ribbon, through picamera2."""

    section = PicameraSection
    needs_libcamera = True

    def open(self, section: CameraSection, clock: Clock) -> Camera:
        """Open the camera once."""
        return self.opener(section, clock)()

    def opener(self, section: CameraSection, clock: Clock) -> Callable[[], Camera]:
        """Return what opens it, each time with the exposure that was measured at the first."""
        from hardware.cameras.picamera import HeldExposure, PicameraCamera

        exposure = HeldExposure() if section.fixed_exposure else None
        number = int(section.device or "0")
        return lambda: PicameraCamera(section.geometry, section.rate_hz, clock, number=number, exposure=exposure)

    def check(self, section: CameraSection, computer: Computer) -> Iterable[Verdict]:
        """Say which cameras are on the ribbons, and with which modes."""
        return ribbon_cameras(computer, is_needed=True)


def ribbon_cameras(computer: Computer, *, is_needed: bool) -> Iterator[Verdict]:
    """Yield each camera that the system lists, and what is wrong if one ``is_needed`` and is not there."""
    listing = next((text for name in LIST_COMMANDS if (text := computer.run(name, "--list-cameras")) is not None), None)
    if listing is None:
        text = "No program that lists the cameras is installed"
        yield warning(f"{text}.", "sudo apt install rpicam-apps-lite") if is_needed else ok(f"{text}.")
        return
    for name, modes in _cameras(listing):
        yield ok(f"{name} is plugged in; modes: {', '.join(modes) or 'unknown'}.")
    if is_needed and not _CAMERA.search(listing):
        yield error(
            "No camera is plugged in, or its ribbon is the wrong way round.",
            "Switch the Pi off, push the ribbon in straight, then: rpicam-hello --list-cameras",
        )


def _cameras(listing: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each camera in what ``rpicam-hello --list-cameras`` prints, with its modes."""
    _, *parts = _CAMERA.split(listing)
    for name, details in zip(parts[::2], parts[1::2], strict=True):
        yield name, modes_in_words(_MODE.findall(details))


def modes_in_words(modes: list[tuple[str, str]]) -> list[str]:
    """Return each mode, a size and a rate, once."""
    return list(dict.fromkeys(f"{size} at {float(rate):.0f}/s" for size, rate in modes))
