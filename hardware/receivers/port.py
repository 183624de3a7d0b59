"""Where an RC receiver is heard."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from hardware.closing import Closing
from hardware.receivers.sbus import SbusFrame


class ReceiverPort(Closing):
    """What hears a receiver, and never waits for it; ``bytes_read`` counts whatever came, also what was no frame.

    A serial port with SBUS on it is one::

        with SbusPort("/dev/ttyAMA0") as port:
            while True:
                for frame in port.read():
                    print(frame.pulse_us(1), frame.is_live)
                time.sleep(0.02)
    """

    bytes_read: int

    @abstractmethod
    def read(self) -> Sequence[SbusFrame]:
        """Return the frames that came since the last call, the oldest first; raises OSError once the port is gone."""
