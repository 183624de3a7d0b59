"""Single key presses from the terminal, without waiting for Enter."""

from __future__ import annotations

import sys
import time

from hardware.closing import Closing


class Keyboard(Closing):
    """A source of key presses that leaves the terminal as it was; this one stands in where there is no terminal.

    ``is_there`` tells whether there are keys to press at all.
    """

    is_there = False

    def wait(self, timeout_s: float) -> str:
        """Return the keys pressed since the last call, as soon as there is one, or nothing after ``timeout_s``."""
        time.sleep(timeout_s)
        return ""

    def close(self) -> None:
        """Have nothing to give back."""


def open_keyboard() -> Keyboard:
    """Return the terminal's keyboard, or one that has no keys when the program has no terminal, or not the front."""
    if not sys.stdout.isatty():
        return Keyboard()
    try:
        return _TerminalKeyboard()
    except _REFUSALS:
        return Keyboard()


if sys.platform == "win32":
    import msvcrt

    _REFUSALS: tuple[type[Exception], ...] = (OSError,)
    _POLL_S = 0.01

    class _TerminalKeyboard(Keyboard):
        is_there = True

        def wait(self, timeout_s: float) -> str:
            deadline_s = time.monotonic() + timeout_s
            while not msvcrt.kbhit() and time.monotonic() < deadline_s:
                time.sleep(_POLL_S)
            keys = ""
            while msvcrt.kbhit():
                keys += msvcrt.getwch()
            return keys

else:
    import os
    import select
    import termios
    import tty

    _REFUSALS: tuple[type[Exception], ...] = (OSError, termios.error)

    class _TerminalKeyboard(Keyboard):
        is_there = True

        # A process started by multiprocessing has no standard input, so the terminal is opened by its own name.
        def __init__(self) -> None:
            self._terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
            try:
                # A job in the background may not touch the terminal: it would be stopped, wheels and all.
                if os.tcgetpgrp(self._terminal) != os.getpgrp():
                    raise OSError("in the background")
                self._before = termios.tcgetattr(self._terminal)
                tty.setcbreak(self._terminal)
            except _REFUSALS:
                os.close(self._terminal)
                raise

        def wait(self, timeout_s: float) -> str:
            ready, _, _ = select.select([self._terminal], [], [], timeout_s)
            return os.read(self._terminal, 64).decode("utf-8", "ignore") if ready else ""

        def close(self) -> None:
            if self._terminal >= 0:
                try:
                    termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)
                except _REFUSALS:
                    pass  # The terminal is gone, and needs nothing back.
                finally:
                    os.close(self._terminal)
                    self._terminal = -1
