"""A serial port that speaks SBUS: 100,000 baud, 8 bits, even parity, two stop bits, on Linux.

The speed is none of those that termios knows, so that the kernel is asked by ``TCSETS2`` of ``linux/termios.h``, which
takes any. pyserial asks it the same way, and its detour by the C library refuses parity on a pseudo-terminal, where
the tests speak SBUS.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import termios
from pathlib import Path
from typing import Any

from hardware.errors import ReceiverBusy, ReceiverError
from hardware.health import ROOT
from hardware.receivers.port import ReceiverPort
from hardware.receivers.sbus import SbusDecoder, SbusFrame

BAUD = 100_000
# asm-generic/ioctls.h and termbits.h, the same on x86, ARM and RISC-V.
TCGETS2, TCSETS2 = 0x802C542A, 0x402C542B
BOTHER = 0o010000
TERMIOS2 = struct.Struct("<4IB19s2I")
"""The four words of flags, the line discipline, the control characters, the speeds in and out."""
TTYS, FIRST_SERIAL, TTY_ALIASES = 4, 64, 5
MOST_BYTES = 512
"""More than comes in 50 ms without a pause. Where so much waits, nobody has read for longer than that, and what the
kernel could not keep is newer than what it did."""


class SbusPort(ReceiverPort):
    """The serial port of an SBUS receiver, for this program alone; raises ReceiverError where it cannot be opened.

    >>> with SbusPort(receiver.path) as port:
    ...     for _ in range(2):
    ...         receiver.say(SbusFrame((992,) * 16), times=3)
    ...         len(port.read())
    0
    3

    What has waited there for so long that it is old is thrown away.
    """

    def __init__(self, path: str, root: Path = ROOT) -> None:
        if is_terminal(_device(path)):
            words = "is a screen and keyboard, and no serial port. Correct [receiver] port in car.toml"
            raise ReceiverError(f"{path} {words}")
        if Path(path).resolve().name in _consoles(root):
            fix = "sudo raspi-config nonint do_serial_cons 1 && sudo reboot"
            raise ReceiverError(f"Linux has its console on {path}, and reads what comes in. Take it away: {fix}")
        self.path = path
        self.bytes_read = 0
        self._decoder = SbusDecoder()
        self._undo = contextlib.ExitStack()
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as problem:
            raise _refusal(path, problem) from problem
        self._undo.callback(os.close, self._descriptor)
        try:
            _take(self._descriptor)
            # Only now: whoever is refused must not let others in where another program has kept them out.
            self._undo.callback(_ask, self._descriptor, termios.TIOCNXCL)
            there = _set_up(self._descriptor)
            self._undo.callback(_ask, self._descriptor, TCSETS2, there)
            self._flush()
        except OSError as problem:
            self.close()
            raise _refusal(path, problem) from problem

    def read(self) -> list[SbusFrame]:
        """Return the frames that came since the last call, the oldest first; raises OSError once the port is gone."""
        read = self._read_all()
        self.bytes_read += len(read)
        if len(read) >= MOST_BYTES:
            self._flush()
            return []
        return self._decoder.feed(read)

    def close(self) -> None:
        """Give the port back as it was."""
        self._descriptor = -1
        self._undo.close()

    def _read_all(self) -> bytes:
        read = b""
        with contextlib.suppress(BlockingIOError):
            while len(read) < MOST_BYTES:
                more = os.read(self._descriptor, MOST_BYTES - len(read))
                if not more:
                    raise OSError(errno.ENODEV, "the port is gone", self.path)
                read += more
        return read

    def _flush(self) -> None:
        try:
            termios.tcflush(self._descriptor, termios.TCIFLUSH)
        except termios.error as problem:
            raise OSError(*problem.args) from problem
        self._decoder.forget()


def _take(descriptor: int) -> None:
    """Keep others out, and stay out where another program has done the same; raises OSError."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.ioctl(descriptor, termios.TIOCEXCL)


def _ask(descriptor: int, *request: Any) -> None:
    """Ask a port for something at its end, of which nobody hears if the port is gone."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(descriptor, *request)


def _set_up(descriptor: int) -> bytes:
    """Let bytes through as they come, but for those that their parity or their stop bits prove wrong.

    Return the settings that were there.
    """
    settings = bytearray(TERMIOS2.size)
    fcntl.ioctl(descriptor, TCGETS2, settings)
    *_, line, characters, _, _ = TERMIOS2.unpack(settings)
    characters = bytearray(characters)
    # One byte is enough to be told of, and none is no end of the file.
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    control = BOTHER | termios.CS8 | termios.PARENB | termios.CSTOPB | termios.CREAD | termios.CLOCAL
    errors = termios.IGNBRK | termios.INPCK | termios.IGNPAR
    fcntl.ioctl(descriptor, TCSETS2, TERMIOS2.pack(errors, 0, control, 0, line, bytes(characters), BAUD, BAUD))
    return bytes(settings)


def is_terminal(device: int) -> bool:
    """Tell whether a device is a screen with a keyboard, or stands for one, as ``/dev/console`` and ``/dev/tty1`` do.

    >>> is_terminal(os.makedev(5, 1)), is_terminal(os.makedev(4, 1)), is_terminal(os.makedev(4, 64))
    (True, True, False)

    The numbers are those of Linux's admin-guide/devices.txt; from 4:64 on there are serial ports.
    """
    major, minor = os.major(device), os.minor(device)
    return major == TTY_ALIASES or (major == TTYS and minor < FIRST_SERIAL)


def _device(path: str) -> int:
    """Return the number of the device at a path, 0 where there is none; nothing is opened for it."""
    with contextlib.suppress(OSError):
        return Path(path).stat().st_rdev
    return 0


def _consoles(root: Path) -> set[str]:
    """Return the ports on which the kernel has a console, and with it a login that reads what comes in."""
    with contextlib.suppress(OSError):
        return {line.split()[0] for line in (root / "proc/consoles").read_text("utf-8").splitlines() if line.strip()}
    return set()


def _refusal(path: str, problem: OSError) -> ReceiverError:
    """Return what keeps a port from being opened in a sentence, and what to do about it in another."""
    match problem.errno:
        case errno.ENOENT:
            words = f"There is no {path}. Plug the receiver in, or switch the port on as hardware/README.md says"
        case errno.EACCES | errno.EPERM:
            words = f"This user may not use {path}. Join its group: sudo usermod -aG dialout $USER && sudo reboot"
        case errno.EBUSY | errno.EWOULDBLOCK:
            return ReceiverBusy(f"Another program has {path}. End it: sudo fuser -v {path} names it")
        case errno.ENOTTY | errno.EINVAL | errno.EISDIR:
            words = f"{path} is no serial port. Correct [receiver] port in car.toml"
        case _:
            words = f"{path} cannot be opened ({problem.strerror}). Check the wiring, and [receiver] port in car.toml"
    return ReceiverError(words)
