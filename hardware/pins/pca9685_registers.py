"""The registers of a PCA9685, as its datasheet (NXP, revision 4) has them in section 7.3.

It imports nothing, so that ``car neutral`` can use it.
"""

from __future__ import annotations

MODE1 = 0x00
MODE2 = 0x01
LED0 = 0x06
ALL_LED = 0xFA
PRE_SCALE = 0xFE

RESTART = 0x80
AUTO_INCREMENT = 0x20
SLEEP = 0x10
TOTEM_POLE = 0x04

REGISTERS_PER_CHANNEL = 4
COUNTS = 4096
FULL = 0x1000
"""Bit 4 of a high byte: the output is on, or off, for the whole period; off wins."""

OSCILLATOR_START_S = 500e-6
"""How long the oscillator needs after the chip has been woken."""

PRESCALES = range(3, 256)


def prescale(frequency_hz: float, oscillator_hz: float) -> int:
    """Return what to write to PRE_SCALE for the frequency nearest to ``frequency_hz``; section 7.3.5."""
    nearest = round(oscillator_hz / (COUNTS * frequency_hz)) - 1
    return min(max(nearest, PRESCALES.start), PRESCALES.stop - 1)


def channel_register(channel: int) -> int:
    """Return the first of a channel's four registers."""
    return LED0 + REGISTERS_PER_CHANNEL * channel


def pulse_bytes(counts: int) -> list[int]:
    """Return a channel's four registers for a pulse of ``counts`` in 0 … 4096 from the start of each period."""
    on, off = (0, FULL) if counts <= 0 else (FULL, 0) if counts >= COUNTS else (0, counts)
    return [on & 0xFF, on >> 8, off & 0xFF, off >> 8]
