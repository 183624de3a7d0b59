"""SBUS, by which most RC receivers tell all their channels on one wire.

A frame has 25 bytes: a header, 16 channels of 11 bits, lowest bits first, a byte of flags and an end. There is no
checksum. What keeps a disturbed frame from being believed is the parity of each byte, which the port checks, and that
frames follow one another without a byte between them.

https://github.com/bolderflight/sbus describes it; the bits of the flags are as its code, Betaflight and PX4 have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

HEADER = 0x0F
ENDS = frozenset((0x00, 0x04, 0x14, 0x24, 0x34))
"""0 of SBUS, the others of SBUS2, which counts its slots of telemetry in them."""
FRAME_BYTES = 25
CHANNELS = 16
CHANNEL_BITS = 11
FRAME_LOST, FAILSAFE = 1 << 2, 1 << 3
UNUSED_FLAGS = 0xF0
AGREEING_READS = 2
"""After so many reads that ended where a frame ends, the decoder is sure of where frames begin."""
DISAGREEING_READS = 10
"""After so many in a row that ended with another frame than the decoder's, it is no more."""


@dataclass(frozen=True, slots=True)
class SbusFrame:
    """One frame: 16 channels, each 0 … 2047, and what the receiver says of its link to the transmitter.

    >>> frame = SbusFrame((992,) * 16)
    >>> frame.pulse_us(1), frame.is_live
    (1500.0, True)

    With ``is_lost`` the receiver did not hear the transmitter this time, and repeats what it had; with ``is_failsafe``
    it has given it up, and the channels are what somebody once chose for that.
    """

    channels: tuple[int, ...]
    is_lost: bool = False
    is_failsafe: bool = False

    @property
    def is_live(self) -> bool:
        """True for what a transmitter said just now."""
        return not (self.is_lost or self.is_failsafe)

    def pulse_us(self, channel: int) -> float:
        """Return channel 1 … 16 as the pulse that a servo at it would get; 192 … 1792 are 1000 … 2000 µs."""
        return 880.0 + 0.625 * self.channels[channel - 1]


class SbusDecoder:
    """Finds frames in what a serial port reads, wherever that begins, is cut or has a hole.

    >>> decoder = SbusDecoder()
    >>> frame = SbusFrame((992,) * 16)
    >>> decoder.feed(encode(frame)), decoder.feed(encode(frame)) == [frame]
    ([], True)

    A header's byte stands among the channels as well, and a steady stick could repeat it for ever. But between two
    frames the wire is silent for longer than a frame takes, so that a read mostly ends with a frame. The decoder
    believes in nothing before two reads have, and after a byte too many or too few it looks for that again. So it does
    when one read after the other ends with a frame in the middle of what it takes for one.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._tail = b""
        self._is_in_step = False
        self._agreeing = self._disagreeing = 0

    def feed(self, read: bytes) -> list[SbusFrame]:
        """Return the frames that are complete with ``read``, all that was there to be read; the oldest first."""
        if not read:
            return []
        self._bytes += read
        self._tail = (self._tail + read)[-FRAME_BYTES:]
        if not self._is_in_step:
            del self._bytes[:-FRAME_BYTES]
            self._is_in_step = _parse(self._bytes) is not None
        frames = list(self._frames())
        if self._is_in_step and not self._bytes:
            self._agreeing, self._disagreeing = self._agreeing + 1, 0
        elif self._agreeing < AGREEING_READS:
            self._fall_out_of_step()
        elif _parse(self._tail) is not None:
            self._disagreeing += 1
            if self._disagreeing >= DISAGREEING_READS:
                self._fall_out_of_step()
        return frames if self._agreeing >= AGREEING_READS else []

    def forget(self) -> None:
        """Begin anew: what comes next does not go on where the last read ended."""
        self._bytes.clear()
        self._tail = b""
        self._fall_out_of_step()

    def _frames(self) -> Iterator[SbusFrame]:
        while self._is_in_step and len(self._bytes) >= FRAME_BYTES:
            frame = _parse(self._bytes[:FRAME_BYTES])
            if frame is None:
                self._fall_out_of_step()
            else:
                del self._bytes[:FRAME_BYTES]
                yield frame

    def _fall_out_of_step(self) -> None:
        self._is_in_step, self._agreeing, self._disagreeing = False, 0, 0


def encode(frame: SbusFrame, end: int = 0x00) -> bytes:
    """Return the 25 bytes of a frame.

    >>> encode(SbusFrame((0,) * 16, is_failsafe=True))[-2:].hex()
    '0800'
    """
    bits = sum(channel << CHANNEL_BITS * number for number, channel in enumerate(frame.channels))
    flags = FRAME_LOST * frame.is_lost | FAILSAFE * frame.is_failsafe
    return bytes((HEADER, *bits.to_bytes(CHANNELS * CHANNEL_BITS // 8, "little"), flags, end))


def _parse(read: bytes | bytearray) -> SbusFrame | None:
    """Return the frame that these bytes are, None if they are none."""
    if len(read) != FRAME_BYTES or read[0] != HEADER or read[-1] not in ENDS or read[-2] & UNUSED_FLAGS:
        return None
    bits, flags = int.from_bytes(read[1:-2], "little"), read[-2]
    mask = (1 << CHANNEL_BITS) - 1
    channels = tuple(bits >> CHANNEL_BITS * number & mask for number in range(CHANNELS))
    return SbusFrame(channels, bool(flags & FRAME_LOST), bool(flags & FAILSAFE))
