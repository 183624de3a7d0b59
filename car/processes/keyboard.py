"""Single key presses from the terminal, without waiting for Enter."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Protocol, Self


class Keyboard(Protocol):
    """A source of key presses; a context manager that leaves the terminal as it was."""

    def pressed(self) -> str:
        """Return the keys pressed since the last call, at once."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class NoKeyboard:
    """Stands in where there is no terminal."""

    def pressed(self) -> str:
        """Return nothing."""
        return ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def open_keyboard() -> Keyboard:
    """Return the terminal's keyboard, or a NoKeyboard when the program was not started from one."""
    if not sys.stdout.isatty():
        return NoKeyboard()
    if sys.platform == "win32":
        return _WindowsKeyboard()
    try:
        return _PosixKeyboard()
    except OSError:
        return NoKeyboard()


if sys.platform == "win32":
    import msvcrt

    class _WindowsKeyboard(NoKeyboard):
        def pressed(self) -> str:
            keys = ""
            while msvcrt.kbhit():
                keys += msvcrt.getwch()
            return keys

else:
    import os
    import select
    import termios
    import tty

    class _PosixKeyboard:
        # A process started by multiprocessing has no standard input, so the terminal is opened by its own name.
        def __init__(self) -> None:
            self._terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
            self._before = termios.tcgetattr(self._terminal)

        def pressed(self) -> str:
            ready, _, _ = select.select([self._terminal], [], [], 0)
            return os.read(self._terminal, 64).decode("utf-8", "ignore") if ready else ""

        def __enter__(self) -> Self:
            tty.setcbreak(self._terminal)
            return self

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)
            os.close(self._terminal)
