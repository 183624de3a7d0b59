"""The kernel's PWM files in a folder: they are real files, and this does what the kernel does when one is written."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

import pytest

from hardware.clock import VirtualClock
from hardware.pins import sysfs_pwm

PI_4 = {0: "fe20c000.pwm"}
PI_5 = {0: "107d517a80.pwm", 1: "1f0009c000.pwm", 2: "1f00098000.pwm"}
PI_5_OTHER_KERNEL = {0: "1f00098000.pwm", 1: "107d517a80.pwm"}
PI_5_PIO = {0: "1f00098000.pwm", 1: "pwm_pio@d", 3: "pwm_pio@17", 4: "pwm_pio@c"}
UDEV_NS = 30_000_000


class SysfsPwm(VirtualClock):
    """``/sys/class/pwm`` in ``folder``, and the clock of its time; chips are numbered, and known by their device.

    An exported channel's files appear at once, and may be written when udev has come round, 30 ms later. ``sent`` has
    every duty of an enabled channel in order, in ns, by chip and channel; ``left_enabled`` tells whether one was given
    back while it still pulsed, and ``stuck`` which channels of a PIO were stopped, for their pins stay as they are.
    """

    def __init__(self, folder: Path, chips: Mapping[int, str]) -> None:
        super().__init__()
        self.root = folder / "class" / "pwm"
        self.root.mkdir(parents=True)
        self.sent: list[tuple[tuple[str, int], int]] = []
        self.left_enabled = False
        self.stuck: list[str] = []
        self._udev: dict[Path, int] = {}
        for number, device in chips.items():
            hardware = folder / "devices" / "platform" / device
            chip = hardware / "pwm" / f"pwmchip{number}"
            chip.mkdir(parents=True)
            (chip / "device").symlink_to(hardware)
            (chip / "export").touch()
            (chip / "unexport").touch()
            (self.root / chip.name).symlink_to(chip)

    def channel(self, device: str, number: int) -> Path:
        """Return a channel's folder."""
        return next(chip for chip in self.root.iterdir() if device in str(chip.resolve())) / f"pwm{number}"

    def pulses_ns(self, device: str, number: int) -> list[int]:
        """Return what a channel sent so far; the zeros at which it stood still are left out."""
        folder = self.channel(device, number)
        return [duty for (chip, channel), duty in self.sent if f"{chip}/pwm{channel}" == str(folder) and duty]

    def sleep_until_ns(self, time_ns: int) -> None:
        super().sleep_until_ns(time_ns)
        for folder in [folder for folder, ready_ns in self._udev.items() if ready_ns <= self.now_ns()]:
            del self._udev[folder]
            for file in folder.iterdir():
                file.chmod(0o664)

    def write(self, path: str, value: int) -> None:
        """Write a file, as the driver does: refuse what the kernel refuses, and see what it does when it does not."""
        file = Path(path)
        if file.name == "export":
            self._export(file.parent / f"pwm{value}")
            return
        if file.name == "unexport":
            folder = file.parent / f"pwm{value}"
            self._udev.pop(folder, None)
            self.left_enabled |= (folder / "enable").read_text() == "1\n"
            for inner in folder.iterdir():
                inner.unlink()
            folder.rmdir()
            return
        if not file.stat().st_mode & 0o060:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        values = {name: int((file.parent / name).read_text()) for name in ("period", "duty_cycle", "enable")}
        values[file.name] = value
        if values["duty_cycle"] > values["period"] or (values["enable"] and not values["period"]):
            raise OSError(errno.EINVAL, "Invalid argument", path)
        if file.name == "enable" and not value and "pwm_pio" in str(file.resolve()):
            self.stuck.append(path)
        write_for_real(path, value)
        key = (str(file.parent.parent), int(file.parent.name.removeprefix("pwm")))
        self.sent.append((key, values["duty_cycle"] if values["enable"] else 0))

    def _export(self, folder: Path) -> None:
        if folder.exists():
            raise OSError(errno.EBUSY, "Device or resource busy")
        folder.mkdir()
        for name in ("period", "duty_cycle", "enable"):
            (folder / name).write_text("0\n")
            (folder / name).chmod(0o400)
        self._udev[folder] = self.now_ns() + UDEV_NS


write_for_real = sysfs_pwm.write


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, chips: Mapping[int, str]) -> SysfsPwm:
    """Have the kernel's PWM files in ``folder``."""
    kernel = SysfsPwm(folder, chips)
    monkeypatch.setattr(sysfs_pwm, "write", kernel.write)
    monkeypatch.setattr(sysfs_pwm, "PWM_CLASS", str(kernel.root))
    return kernel
