"""GPIO lines through the kernel's character device, for those who have no time for a library.

It knows three things only: which chip has the 40-pin header, how to hold lines at a level, and how to ask for lines
whose edges the kernel keeps with their times (``edges.py`` reads them). The structures and numbers are those of
``linux/gpio.h``, version 2 of its interface, in every kernel since 5.10.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Sequence

HEADER_LABELS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")
"""What the chip with the 40-pin header is called on a Pi 5, a Pi 4, and those before; its number says nothing."""

DEVICES = "/dev"
GET_CHIPINFO = 0x8044B401
GET_LINE = 0xC250B407
GET_VALUES = 0xC010B40E
SET_VALUES = 0xC010B40F
FLAG_OUTPUT = 1 << 3
FLAGS_INPUT_WITH_EDGES = 1 << 2 | 1 << 4 | 1 << 5
FLAGS_PULL = {"up": 1 << 8, "down": 1 << 9, "none": 1 << 10}
ATTRIBUTE_VALUES = 2
ATTRIBUTE_DEBOUNCE = 3
EDGE_BUFFER = 1024
"""As many edges as a kernel keeps at most until somebody reads them."""
CONSUMER = b"car neutral"
EDGE_CONSUMER = b"car drive"
CHIPINFO = struct.Struct("<32s32sI")
LINE_REQUEST = struct.Struct("<64I32sQI20xIIQQ216xII20xi")
"""Offsets, consumer, flags, the number of attributes and one of them, the number of lines, buffer size, descriptor."""
LINE_VALUES = struct.Struct("<QQ")
MOST_LINES = 64


class Line:
    """One of the header's lines, held as an output until ``close``."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def set(self, level: int) -> None:
        """Set its level."""
        fcntl.ioctl(self._descriptor, SET_VALUES, LINE_VALUES.pack(level, 1))

    def close(self) -> None:
        """Let go of it; the kernel keeps its level, or a pull-down has it."""
        os.close(self._descriptor)


def take_lines(gpios: Sequence[int], level: int) -> dict[int, Line]:
    """Take those of ``gpios`` that no other program has, each as an output at ``level``; never waits for the others.

    Each is asked for by itself, so that one which is busy leaves none of the others as it was. Raises OSError when
    there is no such chip or no such line.
    """
    taken: dict[int, Line] = {}
    chip = _open_header_chip()
    try:
        for gpio in gpios:
            try:
                taken[gpio] = Line(_request(chip, gpio, level))
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
    except BaseException:
        for line in taken.values():
            line.close()
        raise
    finally:
        os.close(chip)
    return taken


def request_edges(gpios: Sequence[int], pull: str, debounce_us: int) -> int:
    """Take ``gpios`` as inputs whose edges the kernel keeps; return the file descriptor from which they are read.

    ``pull`` is up, down or none. A level counts once it has lasted for ``debounce_us``. Raises OSError when there is no
    such chip or line, it is not for us, or another program has it.
    """
    chip = _open_header_chip()
    try:
        offsets = [*gpios, *[0] * (MOST_LINES - len(gpios))]
        all_lines = (1 << len(gpios)) - 1
        attribute = (1, ATTRIBUTE_DEBOUNCE, 0, debounce_us, all_lines) if debounce_us else (0, 0, 0, 0, 0)
        flags = FLAGS_INPUT_WITH_EDGES | FLAGS_PULL[pull]
        request = bytearray(LINE_REQUEST.pack(*offsets, EDGE_CONSUMER, flags, *attribute, len(gpios), EDGE_BUFFER, 0))
        fcntl.ioctl(chip, GET_LINE, request)
    finally:
        os.close(chip)
    return int(LINE_REQUEST.unpack(request)[-1])


def levels(descriptor: int, lines: int) -> list[bool]:
    """Return the levels of the first ``lines`` of a request, in its order."""
    values = bytearray(LINE_VALUES.pack(0, (1 << lines) - 1))
    fcntl.ioctl(descriptor, GET_VALUES, values)
    bits, _ = LINE_VALUES.unpack(values)
    return [bool(bits >> line & 1) for line in range(lines)]


def _open_header_chip() -> int:
    refused: OSError = FileNotFoundError(errno.ENOENT, "no GPIO chip of a Raspberry Pi's header", DEVICES)
    for name in sorted(os.listdir(DEVICES)):  # noqa: PTH208 - pathlib costs a tenth of the time car neutral has
        if not name.startswith("gpiochip"):
            continue
        try:
            descriptor = os.open(f"{DEVICES}/{name}", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            # One that is not for us, or a link to a number of another kernel's, hides none of the others.
            refused = error
            continue
        info = bytearray(CHIPINFO.size)
        with contextlib.suppress(OSError):
            fcntl.ioctl(descriptor, GET_CHIPINFO, info)
        if CHIPINFO.unpack(info)[1].rstrip(b"\0").decode(errors="replace") in HEADER_LABELS:
            return descriptor
        os.close(descriptor)
    raise refused


def _request(chip: int, gpio: int, level: int) -> int:
    offsets = [gpio, *[0] * (MOST_LINES - 1)]
    attribute = (ATTRIBUTE_VALUES, 0, level, 1)
    request = bytearray(LINE_REQUEST.pack(*offsets, CONSUMER, FLAG_OUTPUT, 1, *attribute, 1, 0, 0))
    fcntl.ioctl(chip, GET_LINE, request)
    return int(LINE_REQUEST.unpack(request)[-1])
