"""The camera on a Raspberry Pi's ribbon."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Self

from pydantic import model_validator

from car.kinds.camera import CameraKind, CameraSection
from car.kinds.verdict import Verdict, error, ok, warning
from hardware.camera import Camera
from hardware.cameras.view import MODELS, differs, known_sensor, share_seen, view_deg
from hardware.clock import Clock
from hardware.computer import Computer

LIST_COMMANDS = ("rpicam-hello", "libcamera-hello")
"""Of Trixie and Bookworm, and of older Bookworms."""
_CAMERA = re.compile(r"^\d+ : (\S+)", re.MULTILINE)
_MODE = re.compile(r"(\d+x\d+) \[([\d.]+) fps")
_SENSOR = re.compile(r"\s*\[(\d+)x(\d+)")
_CROP = re.compile(r"/(\d+)x(\d+) crop")


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
        return ribbon_cameras(computer, is_needed=True, section=section)


def ribbon_cameras(computer: Computer, *, is_needed: bool, section: CameraSection | None = None) -> Iterator[Verdict]:
    """Yield each camera that the system lists, and what is wrong if one ``is_needed`` and is not there.

    The one that ``section`` names is said to see as wide as its picture will be, and whether ``car.toml`` agrees.
    """
    listing = next((text for name in LIST_COMMANDS if (text := computer.run(name, "--list-cameras")) is not None), None)
    if listing is None:
        text = "No program that lists the cameras is installed"
        yield warning(f"{text}.", "sudo apt install rpicam-apps-lite") if is_needed else ok(f"{text}.")
        return
    number = -1 if section is None else int(section.device or "0")
    for index, (name, details) in enumerate(_cameras(listing)):
        modes = ", ".join(modes_in_words(_MODE.findall(details))) or "unknown"
        seen_deg = None if section is None or index != number else _seen_deg(name, details, section)
        view = "" if seen_deg is None else f" and sees {seen_deg:g}° from left to right"
        yield ok(f"{name} is plugged in{view}; modes: {modes}.")
        if section is not None and seen_deg is not None and differs(seen_deg, section.fov_deg, section.lens):
            yield _other_view(name, seen_deg, section)
    if is_needed and not _CAMERA.search(listing):
        yield error(
            "No camera is plugged in, or its ribbon is the wrong way round.",
            "Switch the Pi off, push the ribbon in straight, then: rpicam-hello --list-cameras",
        )


def _cameras(listing: str) -> Iterator[tuple[str, str]]:
    """Yield each camera in what ``rpicam-hello --list-cameras`` prints, with all that it says of it."""
    _, *parts = _CAMERA.split(listing)
    yield from zip(parts[::2], parts[1::2], strict=True)


def _seen_deg(name: str, details: str, section: CameraSection) -> float | None:
    """Return how wide the picture of ``section`` sees, in the mode with the widest view; None where nobody says."""
    sensor = _SENSOR.match(details)
    crops = [(int(width), int(height)) for width, height in _CROP.findall(details)]
    if sensor is None or not crops:
        return None
    size = int(sensor[1]), int(sensor[2])
    widest = max(crops, key=lambda crop: crop[0] * crop[1])
    return view_deg(name, share_seen(size, widest, (section.width, section.height)))


def _other_view(name: str, seen_deg: float, section: CameraSection) -> Verdict:
    model = MODELS.get(known_sensor(name))
    fix = f'model = "{model}"' if section.model and model else f"fov_deg = {seen_deg:g}"
    return warning(
        f"With its own lens {name} sees {seen_deg:g}° in a picture of {section.width}x{section.height}, and car.toml "
        f"says {section.fov_deg:g}°: the simulator draws another view, and pilots for it see otherwise.",
        f"[camera] {fix}, unless it has another lens",
    )


def modes_in_words(modes: list[tuple[str, str]]) -> list[str]:
    """Return each mode, a size and a rate, once."""
    return list(dict.fromkeys(f"{size} at {float(rate):.0f}/s" for size, rate in modes))
