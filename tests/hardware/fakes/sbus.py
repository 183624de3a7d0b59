"""An RC receiver that speaks SBUS on a pseudo-terminal, which stands for the serial port."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import tty
from collections.abc import Iterable
from dataclasses import dataclass, field

from hardware.closing import Closing
from hardware.receivers.sbus import SbusFrame, encode

MIDDLE = 992
ARRIVAL_TIMEOUT_S = 10.0


def sticks(**pulses_us: float) -> SbusFrame:
    """Return a frame with all channels in the middle but those given, as ``ch1=1000``."""
    channels = [MIDDLE] * 16
    for name, pulse_us in pulses_us.items():
        channels[int(name.removeprefix("ch")) - 1] = round((pulse_us - 880) / 0.625)
    return SbusFrame(tuple(channels))


@dataclass
class FakeReceiver(Closing):
    """What it says is at the port, ``path``, when ``say`` or ``write`` returns, and waits there to be read."""

    path: str = field(init=False)

    def __post_init__(self) -> None:
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        self.path = os.ttyname(self._near)

    def say(self, frame: SbusFrame, times: int = 1, end: int = 0x00) -> None:
        """Send a frame, or the same again and again."""
        self.write(encode(frame, end) * times)

    def say_all(self, frames: Iterable[SbusFrame]) -> None:
        """Send one frame after the other."""
        self.write(b"".join(encode(frame) for frame in frames))

    def write(self, sent: bytes) -> None:
        """Send bytes of whatever kind."""
        expected = self._waiting() + len(sent)
        self.send(sent)
        # The kernel brings them over in its own time.
        poll = select.poll()
        poll.register(self._near, select.POLLIN)
        while self._waiting() < expected:
            assert poll.poll(ARRIVAL_TIMEOUT_S * 1000), "nothing arrived"

    def send(self, sent: bytes) -> None:
        """Send bytes to a reader that may be faster than we look."""
        os.write(self._far, sent)

    def vanish(self) -> None:
        """Pull the adapter out."""
        far, self._far = self._far, -1
        if far >= 0:
            os.close(far)

    def close(self) -> None:
        """Let go of both ends."""
        self.vanish()
        near, self._near = self._near, -1
        if near >= 0:
            os.close(near)

    def _waiting(self) -> int:
        answer = fcntl.ioctl(self._near, termios.FIONREAD, struct.pack("i", 0))
        return int(struct.unpack("i", answer)[0])
