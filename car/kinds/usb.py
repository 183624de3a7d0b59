"""A camera on USB."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from car.kinds.camera import CameraKind, CameraSection
from car.kinds.picamera import modes_in_words
from car.kinds.verdict import Verdict, error, ok
from hardware.camera import Camera
from hardware.clock import Clock
from hardware.computer import Computer

_MODE = re.compile(r"Size: Discrete (\d+x\d+)\s+Interval: Discrete [\d.]+s \(([\d.]+) fps\)")


class UsbKind(CameraKind[CameraSection]):
    """A camera on USB, through OpenCV."""

    section = CameraSection

    def open(self, section: CameraSection, clock: Clock) -> Camera:
        """Open the camera once."""
        return self.opener(section, clock)()

    def opener(self, section: CameraSection, clock: Clock) -> Callable[[], Camera]:
        """Return what opens it, each time the same one."""
        from hardware.cameras.usb import UsbCamera, first_device

        device = section.device or first_device()
        return lambda: UsbCamera(section.geometry, section.rate_hz, clock, device)

    def check(self, section: CameraSection, computer: Computer) -> Iterable[Verdict]:
        """Say which USB cameras there are, and with which modes."""
        yield _usb_cameras(computer, section.device)


def _usb_cameras(computer: Computer, device: str) -> Verdict:
    if computer.platform != "linux":
        return ok("This system does not list its USB cameras.")
    found = [path.name for path in sorted(computer.root.glob("dev/v4l/by-id/usb-*-video-index0"))]
    words = ", ".join(found) or "none"
    if device and not computer.exists(device.removeprefix("/")):
        return error(
            f"There is no {device}; USB cameras: {words}.",
            f'[camera] device = "/dev/v4l/by-id/{found[0]}"'
            if found
            else "Plug the camera in, then: ls /dev/v4l/by-id",
        )
    if not found:
        return error("No USB camera is plugged in.", "Plug it in, then: ls /dev/v4l/by-id")
    listing = computer.run("v4l2-ctl", "--device", device or f"/dev/v4l/by-id/{found[0]}", "--list-formats-ext") or ""
    modes = ", ".join(modes_in_words(_MODE.findall(listing))) or "unknown without v4l2-ctl, from apt's v4l-utils"
    return ok(f"USB cameras: {words}; modes: {modes}.")
