"""SDL's table of gamepads, asked for the line of one pad.

The table is inside SDL's library, which Debian and Raspberry Pi OS keep up to date, so there is no copy of it here. A
process of its own asks: SDL opens devices and takes memory for what it can do besides, and it should do so neither
beside a stop button nor for longer than an answer takes (0.1 s of processor time, 16 MB).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

PACKAGE = "libsdl2-2.0-0"
ANSWER_TIMEOUT_S = 10.0
"""On a machine that has much else to do; nobody waits for it but the search for pads."""
NO_LIBRARY = 3
SCRIPT = f"""
import contextlib, ctypes, os, sys
with contextlib.suppress(OSError, AttributeError):
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
try:
    sdl = ctypes.CDLL("libSDL2-2.0.so.0")
except OSError:
    sys.exit({NO_LIBRARY})
class Guid(ctypes.Structure):
    _fields_ = [("data", ctypes.c_uint8 * 16)]
find = sdl.SDL_GameControllerMappingForGUID
find.argtypes, find.restype = [Guid], ctypes.c_char_p
sdl.SDL_SetHint(b"SDL_JOYSTICK_HIDAPI", b"0")
if sdl.SDL_Init(0x2000):
    sys.exit(1)
sys.stdout.buffer.write(find(Guid((ctypes.c_uint8 * 16)(*bytes.fromhex(sys.argv[1])))) or b"")
"""
"""Loads the table (SDL_INIT_GAMECONTROLLER) with SDL's own drivers off. A program that goes before all others starts
this one, which has no reason to."""

Ask = Callable[[str], "str | None"]
"""Returns the line of the pad with that GUID, None where the table does not know it; raises NoTable."""


class NoTable(OSError):
    """There is no table to ask; ``fix`` is the command that gets one, where that helps."""

    def __init__(self, text: str, fix: str) -> None:
        super().__init__(text)
        self.fix = fix


def ask_sdl(guid: str) -> str | None:
    """Return what SDL's table says of the pad called ``guid``; a line in SDL_GAMECONTROLLERCONFIG comes first.

    Raises NoTable where SDL is not installed or does not answer.
    """
    command = [sys.executable, "-I", "-S", "-c", SCRIPT, guid]
    try:
        done = subprocess.run(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NoTable("SDL's table of gamepads does not answer", "") from problem
    if done.returncode == NO_LIBRARY:
        raise NoTable("SDL's table of gamepads is not installed", f"sudo apt install {PACKAGE}")
    if done.returncode != 0:
        raise NoTable("SDL's table of gamepads does not answer", "")
    return done.stdout.strip() or None


class KnownPads:
    """Asks once for each pad, and remembers the answer."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lines: dict[str, str | None] = {}

    def line(self, guid: str) -> str | None:
        """Return the table's line, None where it has none; raises NoTable."""
        if guid not in self._lines:
            self._lines[guid] = self._ask(guid)
        return self._lines[guid]
