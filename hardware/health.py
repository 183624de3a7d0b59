"""How the machine itself is: its processor's temperature and its supply voltage, where it can tell.

::

    health = read_health()
    if health.under_voltage:
        ...

Everything is read below ``root``, the root folder of the machine or of a made-up one. What a machine cannot tell is
None, and nothing here raises. A laptop's processor is at home at temperatures at which a Raspberry Pi slows down, so
only the sensor that Arm boards have is read.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
THERMAL_ZONE = "cpu-thermal"
"""The name that the device trees of Arm boards give the processor's sensor."""
VOLTAGE_SENSOR = "rpi_volt"
VCGENCMD_TIMEOUT_S = 1.0

# https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
_UNDER_VOLTAGE, _CAPPED, _THROTTLED, _WARM = (1 << bit for bit in range(4))
_SINCE_BOOT = 16


@dataclass(frozen=True, slots=True)
class Health:
    """The processor's temperature, and whether the supply voltage is below what the board needs (4.63 V), now."""

    temperature_c: float | None
    under_voltage: bool | None


@dataclass(frozen=True, slots=True)
class Throttling:
    """What a Raspberry Pi's firmware knows: whether it slows the processor down, and whether it ever did since boot."""

    under_voltage: bool
    throttled: bool
    under_voltage_since_boot: bool | None
    throttled_since_boot: bool | None


def read_health(root: Path = ROOT) -> Health:
    """Return how the machine is now; in a fraction of a millisecond on a Raspberry Pi with its own kernel.

    >>> zone = folder / "sys/class/thermal/thermal_zone0"
    >>> zone.mkdir(parents=True)
    >>> _ = (zone / "type").write_text("cpu-thermal"), (zone / "temp").write_text("48312")
    >>> read_health(folder)
    Health(temperature_c=48.312, under_voltage=None)
    """
    return Health(read_temperature_c(root), _under_voltage(root))


def read_throttling(root: Path = ROOT) -> Throttling | None:
    """Return what the firmware says: all of it through ``vcgencmd``, else what the kernel passes on."""
    if (flags := _ask_firmware(root)) is not None:
        return _throttling(flags, since_boot=flags >> _SINCE_BOOT)
    # The kernel clears the upper half each time it asks, every 2 s: raspberrypi-hwmon.c. That is no history.
    flags = _kernel_flags(root)
    return None if flags is None else _throttling(flags, since_boot=None)


def read_throttling_now(root: Path = ROOT) -> Throttling | None:
    """Return what holds now, without a history: of the kernel where it tells, which takes no other program."""
    if (flags := _kernel_flags(root)) is None:
        flags = _ask_firmware(root)
    return None if flags is None else _throttling(flags, since_boot=None)


def _throttling(flags: int, since_boot: int | None) -> Throttling:
    slowed = _CAPPED | _THROTTLED | _WARM
    return Throttling(
        under_voltage=bool(flags & _UNDER_VOLTAGE),
        throttled=bool(flags & slowed),
        under_voltage_since_boot=None if since_boot is None else bool(since_boot & _UNDER_VOLTAGE),
        throttled_since_boot=None if since_boot is None else bool(since_boot & slowed),
    )


def read_temperature_c(root: Path = ROOT) -> float | None:
    """Return the processor's temperature."""
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*")):
        if (_text(zone / "type") or "").replace("_", "-") == THERMAL_ZONE:
            millidegrees = _number(zone / "temp", 10)
            return None if millidegrees is None else millidegrees / 1000
    return None


def _under_voltage(root: Path) -> bool | None:
    for alarm in _voltage_alarms(root):
        if (value := _number(alarm, 10)) is not None:
            return value != 0
    flags = _kernel_flags(root)
    if flags is None:
        flags = _ask_firmware(root)
    return None if flags is None else bool(flags & _UNDER_VOLTAGE)


def _voltage_alarms(root: Path) -> Iterator[Path]:
    for name in sorted(root.glob("sys/class/hwmon/hwmon*/name")):
        if _text(name) == VOLTAGE_SENSOR:
            yield name.with_name("in0_lcrit_alarm")


def _kernel_flags(root: Path) -> int | None:
    for path in sorted(root.glob("sys/devices/platform/soc*/*:firmware/get_throttled")):
        if (flags := _number(path, 16)) is not None:
            return flags
    return None


def _ask_firmware(root: Path) -> int | None:
    """Return what ``vcgencmd get_throttled`` prints, which is ``throttled=0x50005``; a Pi 5 has no other way."""
    command = [str(root / "usr/bin/vcgencmd"), "get_throttled"]
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=VCGENCMD_TIMEOUT_S, check=True)  # noqa: S603
        return int(done.stdout.strip().removeprefix("throttled="), 16)
    return None


def _number(path: Path, base: int) -> int | None:
    with contextlib.suppress(ValueError):
        return int(_text(path) or "", base)
    return None


def _text(path: Path) -> str | None:
    """Return a file's text; some sensors refuse to be read while their device sleeps."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8").strip()
    return None
