"""A made-up evdev, with the names, arguments and answers of the real one's documentation (python-evdev 1.4 to 1.9).

https://python-evdev.readthedocs.io/en/latest/apidoc.html
"""

from __future__ import annotations

import errno
import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from car.controls import layout

BUS_USB = 3


class AbsInfo(NamedTuple):
    value: int
    min: int
    max: int
    fuzz: int
    flat: int
    resolution: int


class DeviceInfo(NamedTuple):
    bustype: int
    vendor: int
    product: int
    version: int


class InputEvent(NamedTuple):
    sec: int
    usec: int
    type: int
    code: int
    value: int


def make_axes(*codes: int, low: int = -32768, high: int = 32767) -> dict[int, AbsInfo]:
    """Return axes at rest."""
    return {code: AbsInfo((low + high + 1) // 2, low, high, 16, 128, 0) for code in codes}


XBOX_BUTTONS = (0x130, 0x131, 0x133, 0x134, 0x136, 0x137, 0x13A, 0x13B, 0x13C, 0x13D, 0x13E)
"""What the kernel's driver for Xbox pads has."""
XBOX_LINE = (
    "*,X360 Controller,a:b0,b:b1,x:b2,y:b3,back:b6,start:b7,leftshoulder:b4,rightshoulder:b5,leftx:a0,lefty:a1,"
    "rightx:a3,righty:a4,lefttrigger:a2,righttrigger:a5,dpup:h0.1,platform:Linux"
)
"""What SDL's table says of one."""


@dataclass
class FakePad:
    """A device as the kernel has it: what is pressed, where the sticks are, and events that wait to be read."""

    name: str = "Microsoft X-Box 360 pad"
    bustype: int = BUS_USB
    vendor: int = 0x045E
    product: int = 0x028E
    version: int = 0x110
    buttons: tuple[int, ...] = XBOX_BUTTONS
    axes: dict[int, AbsInfo] = field(default_factory=lambda: make_axes(0, 1, 2, 3, 4, 5, 16, 17))
    keys: set[int] = field(default_factory=set)
    events: deque[InputEvent] = field(default_factory=deque)
    is_gone: bool = False

    def press(self, code: int) -> None:
        self.keys.add(code)
        # Long ago by any clock: an event's own time must not matter.
        self.events.append(InputEvent(1, 0, layout.EV_KEY, code, 1))

    def release(self, code: int) -> None:
        self.keys.discard(code)
        self.events.append(InputEvent(1, 0, layout.EV_KEY, code, 0))

    def move(self, code: int, position: float) -> None:
        axis = self.axes[code]
        value = round(axis.min + (position + 1) / 2 * (axis.max - axis.min))
        self.axes[code] = axis._replace(value=value)
        self.events.append(InputEvent(1, 0, layout.EV_ABS, code, value))


class InputDevice:
    """What ``evdev.InputDevice`` documents, of which the gamepad uses this much."""

    def __init__(self, dev: str, pad: FakePad) -> None:
        self.path = dev
        self._pad = pad
        self._check()
        self.name = pad.name
        self.info = DeviceInfo(pad.bustype, pad.vendor, pad.product, pad.version)
        self.is_closed = False

    def capabilities(self, verbose: bool = False, absinfo: bool = True) -> dict[int, list[object]]:
        assert not verbose
        self._check()
        axes: list[object] = list(self._pad.axes.items()) if absinfo else list(self._pad.axes)
        return {layout.EV_KEY: list(self._pad.buttons), **({layout.EV_ABS: axes} if axes else {})}

    def active_keys(self, verbose: bool = False) -> list[int]:
        assert not verbose
        self._check()
        return sorted(self._pad.keys)

    def absinfo(self, axis_num: int) -> AbsInfo:
        self._check()
        return self._pad.axes[axis_num]

    def read_one(self) -> InputEvent | None:
        self._check()
        return self._pad.events.popleft() if self._pad.events else None

    def close(self) -> None:
        self.is_closed = True

    def _check(self) -> None:
        if self._pad.is_gone:
            raise OSError(errno.ENODEV, "No such device")


class FakeEvdev:
    """The module: ``pads`` is what is plugged in, ``opened`` all that was ever opened."""

    def __init__(self, *pads: FakePad) -> None:
        self.pads = {f"/dev/input/event{number}": pad for number, pad in enumerate(pads)}
        self.opened: list[InputDevice] = []

    def list_devices(self, input_device_dir: str = "/dev/input") -> list[str]:
        return list(self.pads)

    def InputDevice(self, dev: str) -> InputDevice:  # noqa: N802 - evdev's own name
        device = InputDevice(dev, self.pads[dev])
        self.opened.append(device)
        return device

    def unplug(self, path: str = "/dev/input/event0") -> FakePad:
        pad = self.pads.pop(path)
        pad.is_gone = True
        return pad


class FileEvdev(FakeEvdev):
    """One whose only pad is held by another process: a file says what is pressed, and without it the pad is gone."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def list_devices(self, input_device_dir: str = "/dev/input") -> list[str]:
        return [str(self._path)] if self._path.exists() else []

    def InputDevice(self, dev: str) -> InputDevice:  # noqa: N802
        return DeviceOfFile(dev, FakePad())


class DeviceOfFile(InputDevice):
    def _check(self) -> None:
        try:
            content = json.loads(Path(self.path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._pad.is_gone = True
        else:
            self._pad.keys = set(content["keys"])
            for code, position in content["axes"].items():
                self._pad.move(int(code), position)
            self._pad.events.clear()
        super()._check()


def hold_pad(path: Path, *keys: int, x: float = 0.0, y: float = 0.0) -> None:
    """Write what is held for a FileEvdev: buttons, the left stick sideways and the right one up (−1) or down."""
    content = {"keys": keys, "axes": {layout.ABS_X: x, layout.ABS_RY: y}}
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content), encoding="utf-8")
    new.replace(path)
