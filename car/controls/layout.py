"""Which of a gamepad's buttons and sticks is which.

The presence of a button's code does not tell. A driver that knows its pad follows the kernel's rules (BTN_TR is R1);
the kernel's driver for every other pad numbers the buttons in sequence, so that its BTN_TR may be L2. SDL's table of
gamepads knows several hundred of them by maker, product and driver; a line of it says ``b:b1,leftx:a0,righty:a3~``,
where a number counts the pad's own buttons and axes. Without a line, a pad is taken only if its driver follows the
rules.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

# linux/input-event-codes.h and linux/input.h; which button is where: Documentation/input/gamepad.rst in the kernel.
EV_KEY, EV_ABS = 1, 3
BTN_JOYSTICK, BTN_DIGI = 0x120, 0x140
BTN_SOUTH, BTN_EAST, BTN_C, BTN_NORTH, BTN_WEST = range(0x130, 0x135)
BTN_TL, BTN_TR, BTN_SELECT, BTN_START = 0x136, 0x137, 0x13A, 0x13B
ABS_X, ABS_Y, ABS_Z, ABS_RX, ABS_RY, ABS_RZ = range(6)
ABS_HAT0X, ABS_HAT3Y, ABS_MAX = 0x10, 0x17, 0x3F
RULES = frozenset((BTN_SOUTH, BTN_EAST, BTN_NORTH, BTN_WEST, BTN_TL, BTN_TR, BTN_SELECT, BTN_START))
"""The buttons of a pad whose driver follows the kernel's rules; one that counts has C, the third, among them."""
_AXIS = re.compile(r"a(\d+)(~?)")
_BUTTON = re.compile(r"b(\d+)")


class Range(Protocol):
    """What evdev's AbsInfo says of an axis."""

    @property
    def value(self) -> int:
        """Where it is."""

    @property
    def min(self) -> int:
        """Its one end."""

    @property
    def max(self) -> int:
        """Its other end."""

    @property
    def fuzz(self) -> int:
        """How much it trembles."""

    @property
    def flat(self) -> int:
        """How wide its middle is."""

    @property
    def resolution(self) -> int:
        """How many steps it has to a unit."""


class UnknownLayout(ValueError):
    """Nobody can tell which of a pad's buttons is which, or it lacks one that driving needs."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an input device says of itself; ``ids`` are its bus, vendor, product and version."""

    name: str
    ids: tuple[int, int, int, int]
    buttons: frozenset[int]
    axes: Mapping[int, Range]

    @classmethod
    def of(cls, device: Any) -> Inputs:
        """Ask a device that evdev has opened; raises OSError when it is gone."""
        has, info = device.capabilities(), device.info
        ids = (info.bustype, info.vendor, info.product, info.version)
        return cls(str(device.name), ids, frozenset(has.get(EV_KEY, ())), dict(has.get(EV_ABS, ())))

    @property
    def is_pad(self) -> bool:
        """True for what has a joystick's or a gamepad's buttons and a stick, whichever of them is which."""
        return {ABS_X, ABS_Y} <= self.axes.keys() and any(BTN_JOYSTICK <= code < BTN_DIGI for code in self.buttons)

    @property
    def guid(self) -> str:
        """The name by which SDL's table knows it, as 32 hexadecimal digits."""
        bus, vendor, product, version = self.ids
        name = self.name.encode()
        if vendor:
            return struct.pack("<8H", bus, _crc16(name), vendor, 0, product, 0, version, 0).hex()
        return struct.pack("<2H12s", bus, _crc16(name), name[:11]).hex()

    @property
    def numbered_buttons(self) -> list[int]:
        """Its buttons as SDL counts them: from the joystick's on, and then those below."""
        return sorted(self.buttons, key=lambda code: (code < BTN_JOYSTICK, code))

    @property
    def numbered_axes(self) -> list[int]:
        """Its axes as SDL counts them: a cross of buttons that its driver made two axes of is none."""
        crosses = {code for code in self.axes if ABS_HAT0X <= code <= ABS_HAT3Y and self._is_cross(code & ~1)}
        return sorted(code for code in self.axes.keys() - crosses if code < ABS_MAX)

    def _is_cross(self, code: int) -> bool:
        pair = [self.axes[axis] for axis in (code, code + 1) if axis in self.axes]
        has_three_places = all((axis.min, axis.max) == (-1, 1) for axis in pair)
        return has_three_places or not any(axis.fuzz or axis.flat or axis.resolution for axis in pair)


@dataclass(frozen=True, slots=True)
class Stick:
    """One axis of a stick; ``is_inverted`` says that its greatest value is left, or up."""

    code: int
    is_inverted: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each thing is that a driver does: two axes, and the codes of the buttons."""

    steering: Stick
    throttle: Stick
    hold: frozenset[int]
    stop: frozenset[int]
    start: frozenset[int]
    select: frozenset[int]
    mode: frozenset[int]


def find_layout(inputs: Inputs, line: str | None) -> Layout:
    """Return the layout of a pad, of which SDL's table has ``line``; None where the table does not know it.

    Raises UnknownLayout with the reason when there is none to be relied on.
    """
    by_rules = _layout_by_rules(inputs)
    try:
        by_table = _layout_by_table(inputs, line)
    except UnknownLayout:
        if by_rules is None:
            raise
        return by_rules
    # The table may have the line of another driver of the same pad, which counts its buttons differently.
    is_contradicted = by_rules is not None and (by_table.hold, by_table.start) != (by_rules.hold, by_rules.start)
    return by_rules if by_rules is not None and is_contradicted else by_table


def _layout_by_rules(inputs: Inputs) -> Layout | None:
    if not inputs.buttons >= RULES or BTN_C in inputs.buttons:
        return None
    if {ABS_RX, ABS_RY} <= inputs.axes.keys():
        throttle = ABS_RY
    elif not inputs.axes.keys() & {ABS_Z, ABS_RX, ABS_RY, ABS_RZ}:
        throttle = ABS_Y
    else:
        return None
    return Layout(
        Stick(ABS_X),
        Stick(throttle),
        hold=frozenset((BTN_TL, BTN_TR)),
        stop=frozenset((BTN_EAST,)),
        start=frozenset((BTN_START,)),
        select=frozenset((BTN_SELECT,)),
        # Drivers do not agree which is which: on an Xbox pad, north is X and west is Y.
        mode=frozenset((BTN_NORTH, BTN_WEST)),
    )


def _layout_by_table(inputs: Inputs, line: str | None) -> Layout:
    if line is None:
        raise UnknownLayout("which of its buttons is which is not known: its driver only counts them")
    fields = dict(field.split(":", 1) for field in line.split(",") if ":" in field)
    axes, buttons = inputs.numbered_axes, inputs.numbered_buttons

    def stick(name: str) -> Stick | None:
        match = _AXIS.fullmatch(fields.get(name, ""))
        return Stick(axes[int(match[1])], bool(match[2])) if match and int(match[1]) < len(axes) else None

    def codes(*names: str) -> frozenset[int]:
        matches = [_BUTTON.fullmatch(fields.get(name, "")) for name in names]
        return frozenset(buttons[int(match[1])] for match in matches if match and int(match[1]) < len(buttons))

    steering, throttle = stick("leftx"), stick("righty") or stick("lefty")
    hold, stop = codes("leftshoulder", "rightshoulder"), codes("b")
    if steering is None or throttle is None:
        raise UnknownLayout("it has no stick to drive with")
    if not hold:
        raise UnknownLayout("it has neither L1 nor R1, and so nothing to hold while it drives")
    if not stop:
        raise UnknownLayout("it has no button B (circle) to stop with")
    return Layout(steering, throttle, hold, stop, codes("start"), codes("back"), codes("x", "y"))


def _crc16(data: bytes) -> int:
    """Return the checksum with which SDL tells pads apart that share their numbers (CRC-16/ARC)."""
    checksum = 0
    for byte in data:
        checksum ^= byte
        for _ in range(8):
            checksum = (checksum >> 1) ^ (0xA001 if checksum & 1 else 0)
    return checksum
